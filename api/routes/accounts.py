"""Accounts: what they owe per currency, whom to talk to, and all that happened."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from adapters.correspondence.contact_changes import ContactChange, add_contact, change_contact
from adapters.correspondence.contact_removal import remove_contact
from adapters.read_model.accounts import AccountDetail, find_account, list_accounts
from adapters.read_model.journal import list_account_history
from api.commands.notes_and_tasks import save_account_note
from api.context import ApiContext
from api.presenters.accounts import present_account, present_account_summary
from api.presenters.journal import present_entry
from api.presenters.language import ReaderPhrases
from api.routes.account_lookup import CommandId, ExistingAccount
from api.schemas.accounts import AccountOut, AccountSummary, ContactIn, ServiceIn
from api.schemas.journal import EntryOut
from api.schemas.request_body import Day, RowId
from api.web.authentication import CollectingActor, Context, ReadingActor, ServiceChangingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.clock import start_of_day

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], responses=PROBLEM_RESPONSES, route_class=EncodedPathRoute)
contacts_router = APIRouter(
    prefix="/v1/accounts/{account_id}/contacts", tags=["accounts"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES
)
CONTACT_ADDED, CONTACT_CHANGED, CONTACT_REMOVED = "Contact added", "Contact changed", "Contact removed"
"""What the notes about a contact begin with."""


def require_account_detail(context: ApiContext, account_id: str) -> AccountDetail:
    """Raises Problem 404."""
    account = find_account(context.database, account_id, context.today)
    if account is None:
        raise not_found_problem("account", account_id, "GET /v1/accounts?q= finds it by a part of its name")
    return account


@router.get("", operation_id="list_accounts", summary="Accounts by name")
def get_accounts(
    context: Context,
    _: ReadingActor,
    words: ReaderPhrases,
    q: Annotated[str | None, Query(max_length=100)] = None,
    stage: Annotated[str | None, Query(description="of its suspension: `suspended`, or a stage of the case, such as `sign_off`")] = None,
    collector: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AccountSummary]:
    rows, following = list_accounts(context.database, context.today, limit, cursor, q, collector, stage)
    return Page(items=[present_account_summary(row, words) for row in rows], next=following)


@router.get("/{account_id}", operation_id="read_account", summary="One account: balances, contacts, invoices")
def get_account(account_id: str, context: Context, _: ReadingActor, words: ReaderPhrases) -> AccountOut:
    return present_account(require_account_detail(context, account_id), context.today, words)


@router.put("/{account_id}/service", operation_id="change_service", summary="Whether an account is served in advance of its money")
def change_service(account_id: str, body: ServiceIn, context: Context, _: ServiceChangingActor, words: ReaderPhrases) -> AccountOut:
    """A prepaid account is never suspended for arrears. A repeated request changes nothing."""
    context.billing.set_prepaid(account_id, body.prepaid, at=context.business_now)
    return present_account(require_account_detail(context, account_id), context.today, words)


@router.get(
    "/{account_id}/history",
    operation_id="read_account_history",
    summary="The journal of its cases and the notes about it, the latest first",
)
def get_account_history(
    account_id: str,
    context: Context,
    _: ReadingActor,
    words: ReaderPhrases,
    at: Annotated[Day | None, Query(description="as known at the end of this business date")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[EntryOut]:
    require_account_detail(context, account_id)
    until = start_of_day(at + timedelta(days=1)) if at else None
    lines, following = list_account_history(context.database, account_id, until, limit, cursor)
    return Page(items=[present_entry(line, words) for line in lines], next=following)


@contacts_router.post("", operation_id="add_contact", summary="Somebody to write to or to call", status_code=201)
async def post_contact(
    actor: CollectingActor, account: ExistingAccount, body: ContactIn, context: Context, command_id: CommandId, words: ReaderPhrases
) -> AccountOut:
    """A note on the account says who did it. Repeated under its Idempotency-Key it is one contact."""

    def add() -> AccountOut:
        change = add_contact(context.database, account.id, body.to_details())
        save_account_note(context, command_id, account.id, None, actor.user, f"{CONTACT_ADDED}: {change.after.in_words}")
        return _present(context, account.id, words)

    return await run_in_threadpool(add)


@contacts_router.post("/{contact_id}", operation_id="change_contact", summary="Correct what is known of a contact")
async def post_contact_change(
    actor: CollectingActor,
    account: ExistingAccount,
    contact_id: RowId,
    body: ContactIn,
    context: Context,
    command_id: CommandId,
    words: ReaderPhrases,
) -> AccountOut:
    """The whole contact as it is from now on; what is left out is empty. A note on the account says who did it, and what stood there
    before. An address that had bounced counts as one that takes letters once it is another one."""

    def change() -> AccountOut:
        changed = change_contact(context.database, account.id, contact_id, body.to_details())
        if changed is None:
            raise not_found_problem("contact", str(contact_id), "GET /v1/accounts/{account_id} lists the account's")
        if changed.before != changed.after:
            save_account_note(context, command_id, account.id, None, actor.user, f"{CONTACT_CHANGED}: {_describe(changed)}")
        return _present(context, account.id, words)

    return await run_in_threadpool(change)


@contacts_router.delete("/{contact_id}", operation_id="remove_contact", summary="Remove somebody who is no longer to be written to")
def delete_contact(account_id: str, contact_id: RowId, context: Context, actor: CollectingActor, words: ReaderPhrases) -> AccountOut:
    """A note on the account says who did it. A later file that names the address for a new or changed invoice brings it back: correct it in
    billing too. A repeated request changes nothing."""
    require_account_detail(context, account_id)
    if removed := remove_contact(context.database, account_id, contact_id):
        save_account_note(context, f"contact:{contact_id}:removed", account_id, None, actor.user, f"{CONTACT_REMOVED}: {removed}")
    return _present(context, account_id, words)


def _present(context: ApiContext, account_id: str, words: ReaderPhrases) -> AccountOut:
    return present_account(require_account_detail(context, account_id), context.today, words)


def _describe(change: ContactChange) -> str:
    """What stood there, and what stands there now; details that no name tells are among both."""
    before, after = change.before, change.after
    told = (before.in_words if before else "", after.in_words)
    return " → ".join(told) if told[0] != told[1] else told[1]
