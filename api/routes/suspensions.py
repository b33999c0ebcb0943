"""Suspending an account's service: asked for, put off, withdrawn, and undone."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.account_debts import open_invoices
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases, read_case
from adapters.temporal.case_start import Beginning
from api.commands.case_commands import do_on_case, do_or_begin, existing_case
from api.context import ApiParts
from api.presenters.cases import suspension as present
from api.routes.account_lookup import ActId, ExistingAccount
from api.routes.invoice_commands import WAITS
from api.schemas.responses import ActAnswer
from api.schemas.suspensions import ExtensionIn, ReasonIn, SuspensionIn, SuspensionOut
from api.web.authentication import AskingSuspension, Parts, Reader, Reinstating
from api.web.idempotency import OnceRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, Problem, invalid
from domain import identifiers as ids
from domain.journal.journal import Journal
from domain.roles import Role
from domain.suspension.command_rules import refusal
from domain.suspension.commands import AskAgain, AskSuspension, ExtendNotice, HandOverNow, Reinstate, SendWarningAgain, WithdrawSuspension
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.workflow_input import SUSPENSION, SuspensionOpening

router = APIRouter(prefix="/v1", tags=["suspensions"], route_class=OnceRoute, responses=RESPONSES)
ONE = "/accounts/{account_id}/suspension"


def existing_suspension(parts: Parts, account: ExistingAccount) -> CaseRow:
    """The account's last one. Raises Problem 404."""
    return existing_case(parts, "suspension", ids.suspension_case(account.id), f"POST /v1/accounts/{account.id}/suspension asks for one")


ExistingSuspension = Annotated[CaseRow, Depends(existing_suspension)]


@router.get("/suspensions", operation_id="list_suspensions", summary="Suspensions, the nearest day first")
def suspensions(
    parts: Parts,
    _: Reader,
    account: str | None = None,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    role: Annotated[Role | None, Query(description="only those that wait for this role")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SuspensionOut]:
    wanted = CaseFilter(kind="suspension", account=account, open=open, roles=[role] if role else None)
    rows, following = list_cases(parts.database, wanted, limit, cursor)
    return Page(items=[present(row) for row in rows], next=following)


@router.get(ONE, operation_id="read_suspension", summary="An account's suspension, or its last one")
def suspension(_: Reader, asked: ExistingSuspension) -> SuspensionOut:
    return present(asked)


@router.post(ONE, operation_id="ask_suspension", summary="Ask that an account be suspended", responses=WAITS)
async def ask(
    actor: AskingSuspension, account: ExistingAccount, said: SuspensionIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """Others approve the warning and, after its notice, the suspension. Invoices that are named later join the same case."""
    named = await run_in_threadpool(_overdue, parts, account.id, said.invoices)
    claims = await run_in_threadpool(parts.beginnings.claims, account.id, named)
    opening = await run_in_threadpool(parts.beginnings.suspension, account.id)
    beginning = Beginning(SUSPENSION, ids.suspension_case(account.id), opening, account.id, account.collector)
    act = AskSuspension(act_id=id, actor=actor.user, claims=claims)
    if why := await run_in_threadpool(_first_refusal, parts, opening, act):
        raise _refused(why)
    return await do_or_begin(parts, beginning, act, response)


@router.post(f"{ONE}/renewal", operation_id="ask_suspension_again", summary="Ask again after a return", responses=WAITS)
async def renewal(actor: AskingSuspension, asked: ExistingSuspension, id: ActId, parts: Parts, response: Response) -> ActAnswer:
    """What was to be changed is changed."""
    return await do_on_case(parts, asked, AskAgain(act_id=id, actor=actor.user), response)


@router.post(f"{ONE}/warning", operation_id="send_warning_again", summary="Send a warning again that did not arrive", responses=WAITS)
async def warning(actor: AskingSuspension, asked: ExistingSuspension, id: ActId, parts: Parts, response: Response) -> ActAnswer:
    """To the address that the account has now. The notice begins when it has arrived."""
    return await do_on_case(parts, asked, SendWarningAgain(act_id=id, actor=actor.user), response)


@router.post(f"{ONE}/extension", operation_id="extend_notice", summary="Put off the last day of the notice", responses=WAITS)
async def extension(
    actor: AskingSuspension, asked: ExistingSuspension, said: ExtensionIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    act = ExtendNotice(act_id=id, actor=actor.user, until=said.until, reason=said.reason)
    return await do_on_case(parts, asked, act, response)


@router.post(f"{ONE}/withdrawal", operation_id="withdraw_suspension", summary="Drop it before anything is suspended", responses=WAITS)
async def withdrawal(
    actor: AskingSuspension, asked: ExistingSuspension, said: ReasonIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    return await do_on_case(parts, asked, WithdrawSuspension(act_id=id, actor=actor.user, reason=said.reason), response)


@router.post(f"{ONE}/reinstatement", operation_id="reinstate_account", summary="Give the service back before it is paid", responses=WAITS)
async def reinstatement(
    actor: Reinstating, asked: ExistingSuspension, said: ReasonIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """An account that has paid is reinstated at once, without anybody's doing."""
    return await do_on_case(parts, asked, Reinstate(act_id=id, actor=actor.user, reason=said.reason), response)


@router.post(f"{ONE}/hand-over", operation_id="hand_over_account", summary="Give it to the write-off team without waiting", responses=WAITS)
async def hand_over(actor: Reinstating, asked: ExistingSuspension, id: ActId, parts: Parts, response: Response) -> ActAnswer:
    return await do_on_case(parts, asked, HandOverNow(act_id=id, actor=actor.user), response)


def _overdue(parts: ApiParts, account_id: str, named: list[str] | None) -> list[str]:
    """Those that were named, else all of the account. Raises Problem for one that is not overdue, and when none is."""
    still_open = open_invoices(parts.database, account_id)
    overdue = [name for name, due in still_open.items() if due < parts.today]
    for index, name in enumerate(named or []):
        if name not in still_open:
            raise invalid(f"/invoices/{index}", f"the account has no open invoice {name}; GET /v1/invoices?account= lists them")
        if name not in overdue:
            raise _refused(f"the invoice {name} is not overdue; an account is suspended only for what is")
    if not overdue:
        raise _refused("no invoice of this account is overdue; there is nothing to suspend it for")
    return list(dict.fromkeys(named)) if named else overdue


def _first_refusal(parts: ApiParts, opening: SuspensionOpening, act: AskSuspension) -> str | None:
    """Why the account's first, or next, case would refuse to be begun so, in words: a case that nothing was asked of must not begin."""
    case_id = ids.suspension_case(opening.account_id)
    known = read_case(parts.database, "suspension", case_id)
    if known is not None and known.outcome is None:
        return None
    journal = Journal(case_id=case_id, account_id=opening.account_id)
    empty = SuspensionCase(journal=journal, snapshot=opening.policy, prepaid=opening.prepaid)
    return refusal(empty, act, parts.today)


def _refused(why: str) -> Problem:
    return Problem(409, "refused", "The account cannot be suspended", why)
