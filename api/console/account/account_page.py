"""The page of an account."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from adapters.read_model.accounts import AccountDetail, list_latest_payments
from adapters.read_model.correspondence import find_last_letter, list_tasks
from adapters.read_model.letter_brakes import find_hold_for_release
from api.commands.live_invoice import build_policy_reader
from api.console.account import lanes
from api.console.account.conversation import SHARES, load_conversation
from api.console.account.lanes import draw_account_course
from api.console.account.standing import draw_ages, load_standing
from api.console.acts.wording import Reader
from api.console.credit_pages import build_credit_facts
from api.console.open_cases import list_open_cases
from api.console.rendering import PageReader, load_reader, render
from api.context import ApiContext
from api.presenters.account_place import tell_account_place
from api.routes.accounts import require_account_detail
from api.web.authentication import Context
from api.web.one_snapshot import from_one_snapshot
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_TASKS = 50
MAX_PAYMENTS = 10
Share = Literal["", "letters", "calls", "notes", "decisions", "money"]


@router.get("/accounts/{account_id}")
@from_one_snapshot
def show_account(
    request: Request,
    account_id: str,
    context: Context,
    actor: PageReader,
    share: Share = "",
    older: Annotated[str, Query(max_length=4_000)] = "",
) -> HTMLResponse:
    """`share`: the part of the conversation to be shown, `older`: the cursor of an earlier page of it."""
    account = require_account_detail(context, account_id)
    reader = load_reader(context, actor)
    words = reader.phrases
    letter = find_last_letter(context.database, account_id)
    return render(
        request,
        context,
        "account.html",
        actor,
        account=account,
        standing=load_standing(context, account, letter, words, build_policy_reader(context)),
        **build_credit_facts(context, actor, account),
        local_times=_tell_local_times(context, account, reader),
        course=draw_account_course(context, account.invoices, words),
        lane=lanes,
        draw_ages=draw_ages,
        place=tell_account_place(context, account_id, actor, words),
        held=find_hold_for_release(context.database, account_id, context.today),
        conversation=load_conversation(context.database, account_id, share, older or None, words),
        shares=list(SHARES),
        share=share,
        is_older=bool(older),
        tasks=list_tasks(context.database, limit=MAX_TASKS, account_id=account_id)[0],
        payments=list_latest_payments(context.database, account_id, MAX_PAYMENTS),
        open_cases=list_open_cases(context.database, account_id),
    )


def _tell_local_times(context: ApiContext, account: AccountDetail, reader: Reader) -> dict[int, str]:
    """What time it is where each contact is, so that nobody is rung at night."""
    now = context.business_now
    return {contact.id: reader.format_local_time(now, contact.time_zone or account.time_zone) for contact in account.contacts}
