"""The routes of the access log and of the erasure of personal details."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.access_log import AccessLogFilter, list_access_log, list_clock_changes, list_identity_events
from adapters.temporal.case_start import CaseStart
from api.commands.case_commands import submit_or_start_case
from api.routes.account_lookup import CommandId, ExistingAccount
from api.schemas.audit import ClockChangeOut, ErasureOut, ViewOut
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.schemas.identity.users import IdentityEventOut
from api.schemas.request_body import Day
from api.web.access_logging import AccessLogBuffer, get_access_log_buffer
from api.web.authentication import AuditingActor, Context, ErasingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, Problem
from domain import identifiers as ids
from domain.erasure.commands import EraseAccount

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
ERASURE_PATH = "/accounts/{account_id}/erasure"
AccessBuffer = Annotated[AccessLogBuffer, Depends(get_access_log_buffer)]


def parse_access_log_filter(
    account: str | None = None,
    user: str | None = None,
    first_day: Annotated[Day | None, Query(description="a business date, included")] = None,
    last_day: Annotated[Day | None, Query(description="a business date, included")] = None,
) -> AccessLogFilter:
    return AccessLogFilter(account=account, user=user, first_day=first_day, last_day=last_day)


@router.get("/views", operation_id="list_views", summary="Who looked at which account, the newest first")
async def get_views(
    _: AuditingActor,
    context: Context,
    trail: AccessBuffer,
    filter: Annotated[AccessLogFilter, Depends(parse_access_log_filter)],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ViewOut]:
    """Every read of an account, an invoice, a case, a letter or a file, over the API or at the console. Who reads the same account again by
    the same route within an hour is one row with a count. Who acts on an account stands in its journal."""
    await trail.flush()
    rows, following = await run_in_threadpool(list_access_log, context.database, filter, limit, cursor)
    return Page(items=[ViewOut.from_line(row) for row in rows], next=following)


@router.get("/clock-changes", operation_id="list_clock_changes", summary="Who paused, slowed or resumed the played clock, the newest first")
def get_clock_changes(_: AuditingActor, context: Context, limit: Limit = 50, cursor: Cursor = None) -> Page[ClockChangeOut]:
    """Over the API, at the console or on the command line. The journal of every case that was open then names the same person."""
    rows, following = list_clock_changes(context.database, limit, cursor)
    return Page(items=[ClockChangeOut.from_line(row) for row in rows], next=following)


@router.get("/sign-ins", operation_id="list_identity_events", summary="Who signed in or failed to, and who changed whose rights")
def get_identity_events(
    _: AuditingActor, context: Context, user: str | None = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[IdentityEventOut]:
    """The newest first: sign-ins, failures and sign-outs, users, roles, tokens, links and passwords. Nothing in it is ever changed."""
    rows, following = list_identity_events(context.database, limit, cursor, user)
    return Page(items=[IdentityEventOut(**row.model_dump(exclude={"id"})) for row in rows], next=following)


@router.get(ERASURE_PATH, operation_id="preview_erasure", summary="What would be erased of an account, and what was")
def preview_erasure(actor: AuditingActor, account: ExistingAccount, context: Context) -> ErasureOut:
    """Nothing is changed. `now.blocked` says why nothing may go yet: something is open, or its records must still be kept."""
    return ErasureOut(
        now=context.erasure.plan_erasure(account.id, actor.user, context.business_now), before=context.erasure.list_reports(account.id)
    )


@router.post(ERASURE_PATH, operation_id="erase_account", summary="Erase an account's personal details", responses=QUEUED_RESPONSE)
async def erase_account(
    actor: ErasingActor, account: ExistingAccount, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """Erase for good. Obstacles are reported before anything is erased; the journal records what was erased, and its chain goes on."""
    plan = await run_in_threadpool(context.erasure.plan_erasure, account.id, actor.user, context.business_now)
    if plan.blocked:
        raise Problem(409, "refused", "Nothing may be erased yet", "; ".join(plan.blocked))
    opening = await run_in_threadpool(context.erasure.build_workflow_input, account.id, context.clock)
    beginning = CaseStart(ids.WorkflowName.ERASING, ids.erasure_case_id(account.id), opening, account.id)
    return await submit_or_start_case(
        context, beginning, EraseAccount(act_id=command_id, actor=actor.user, account_id=account.id), response
    )
