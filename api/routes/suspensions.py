"""Suspending an account's service: asked for, put off, withdrawn, and undone."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.account_debts import list_open_invoices
from adapters.read_model.cases import CaseFilter, CaseRow, find_case, list_cases
from adapters.temporal.case_start import CaseStart
from api.commands.case_commands import require_case, submit_case_command, submit_or_start_case
from api.context import ApiContext
from api.presenters.suspensions import present_suspension
from api.routes.account_lookup import CommandId, ExistingAccount
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.schemas.suspensions import ExtensionIn, ReasonIn, SuspensionIn, SuspensionOut
from api.web.authentication import Context, ReadingActor, ReinstatingActor, SuspensionAskingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, Problem, invalid_request_problem
from domain import identifiers as ids
from domain.identifiers import CaseKind
from domain.journal.journal import Journal
from domain.refusal import Refusal
from domain.roles import Role
from domain.suspension.command_rules import rejection_reason
from domain.suspension.commands import (
    ExtendNotice,
    HandOverSuspendedAccount,
    ReinstateAccount,
    RequestApprovalAgain,
    RequestSuspension,
    ResendWarning,
    WithdrawSuspension,
)
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.workflow_input import SuspensionInput

router = APIRouter(prefix="/v1", tags=["suspensions"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
SUSPENSION_PATH = "/accounts/{account_id}/suspension"


def require_suspension(context: Context, account: ExistingAccount) -> CaseRow:
    """Return the account's last suspension. Raises Problem 404."""
    return require_case(
        context, CaseKind.SUSPENSION, ids.suspension_case_id(account.id), f"POST /v1/accounts/{account.id}/suspension asks for one"
    )


ExistingSuspension = Annotated[CaseRow, Depends(require_suspension)]


@router.get("/suspensions", operation_id="list_suspensions", summary="Suspensions, the nearest day first")
def get_suspensions(
    context: Context,
    _: ReadingActor,
    account: str | None = None,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    role: Annotated[Role | None, Query(description="only those that wait for this role")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SuspensionOut]:
    case_filter = CaseFilter(kind=CaseKind.SUSPENSION, account=account, open=open, roles=[role] if role else None)
    rows, following = list_cases(context.database, case_filter, limit, cursor)
    return Page(items=[present_suspension(row) for row in rows], next=following)


@router.get(SUSPENSION_PATH, operation_id="read_suspension", summary="An account's suspension, or its last one")
def get_suspension(_: ReadingActor, suspension: ExistingSuspension) -> SuspensionOut:
    return present_suspension(suspension)


@router.post(SUSPENSION_PATH, operation_id="ask_suspension", summary="Ask that an account be suspended", responses=QUEUED_RESPONSE)
async def ask_suspension(
    actor: SuspensionAskingActor, account: ExistingAccount, body: SuspensionIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """Others approve the warning and, after its notice, the suspension. Invoices that are named later join the same case."""
    named = await run_in_threadpool(_require_overdue_invoices, context, account.id, body.invoices)
    claims = await run_in_threadpool(context.case_inputs.load_claims, account.id, named)
    opening = await run_in_threadpool(context.case_inputs.load_suspension_input, account.id)
    beginning = CaseStart(ids.WorkflowName.ACCOUNT_SUSPENSION, ids.suspension_case_id(account.id), opening, account.id, account.collector)
    command = RequestSuspension(act_id=command_id, actor=actor.user, claims=claims, reason=body.reason)
    if why := await run_in_threadpool(_find_rejection_reason, context, opening, command):
        raise _build_rejection_problem(why)
    return await submit_or_start_case(context, beginning, command, response)


@router.post(
    f"{SUSPENSION_PATH}/renewal", operation_id="ask_suspension_again", summary="Ask again after a return", responses=QUEUED_RESPONSE
)
async def ask_suspension_again(
    actor: SuspensionAskingActor, suspension: ExistingSuspension, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """Request the approval again, after the changes that were asked for."""
    return await submit_case_command(context, suspension, RequestApprovalAgain(act_id=command_id, actor=actor.user), response)


@router.post(
    f"{SUSPENSION_PATH}/warning",
    operation_id="send_warning_again",
    summary="Send a warning again that did not arrive",
    responses=QUEUED_RESPONSE,
)
async def send_warning_again(
    actor: SuspensionAskingActor, suspension: ExistingSuspension, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """Send the warning to the account's present address. The notice period begins when it is delivered."""
    return await submit_case_command(context, suspension, ResendWarning(act_id=command_id, actor=actor.user), response)


@router.post(
    f"{SUSPENSION_PATH}/extension", operation_id="extend_notice", summary="Put off the last day of the notice", responses=QUEUED_RESPONSE
)
async def extend_notice(
    actor: SuspensionAskingActor,
    suspension: ExistingSuspension,
    body: ExtensionIn,
    command_id: CommandId,
    context: Context,
    response: Response,
) -> CommandAnswer:
    command = ExtendNotice(act_id=command_id, actor=actor.user, until=body.until, reason=body.reason)
    return await submit_case_command(context, suspension, command, response)


@router.post(
    f"{SUSPENSION_PATH}/withdrawal",
    operation_id="withdraw_suspension",
    summary="Drop it before anything is suspended",
    responses=QUEUED_RESPONSE,
)
async def withdraw_suspension(
    actor: SuspensionAskingActor,
    suspension: ExistingSuspension,
    body: ReasonIn,
    command_id: CommandId,
    context: Context,
    response: Response,
) -> CommandAnswer:
    return await submit_case_command(
        context, suspension, WithdrawSuspension(act_id=command_id, actor=actor.user, reason=body.reason), response
    )


@router.post(
    f"{SUSPENSION_PATH}/reinstatement",
    operation_id="reinstate_account",
    summary="Give the service back before it is paid",
    responses=QUEUED_RESPONSE,
)
async def reinstate_account(
    actor: ReinstatingActor, suspension: ExistingSuspension, body: ReasonIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """An account that has paid is reinstated at once, without anybody's doing."""
    return await submit_case_command(
        context, suspension, ReinstateAccount(act_id=command_id, actor=actor.user, reason=body.reason), response
    )


@router.post(
    f"{SUSPENSION_PATH}/hand-over",
    operation_id="hand_over_account",
    summary="Give it to the write-off team without waiting",
    responses=QUEUED_RESPONSE,
)
async def hand_over_account(
    actor: ReinstatingActor, suspension: ExistingSuspension, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    return await submit_case_command(context, suspension, HandOverSuspendedAccount(act_id=command_id, actor=actor.user), response)


def _require_overdue_invoices(context: ApiContext, account_id: str, named: list[str] | None) -> list[str]:
    """Return the given invoices, or else all overdue ones of the account. Raises Problem for one that is not overdue, and when none is."""
    still_open = list_open_invoices(context.database, account_id)
    overdue = [name for name, due in still_open.items() if due < context.today]
    for index, name in enumerate(named or []):
        if name not in still_open:
            raise invalid_request_problem(
                f"/invoices/{index}",
                Refusal(
                    "suspension.no_invoice", "the account has no open invoice {invoice}; GET /v1/invoices?account= lists them", invoice=name
                ),
            )
        if name not in overdue:
            raise _build_rejection_problem(
                Refusal(
                    "suspension.not_overdue", "the invoice {invoice} is not overdue; an account is suspended only for what is", invoice=name
                )
            )
    if not overdue:
        raise _build_rejection_problem(
            Refusal("suspension.nothing_overdue", "no invoice of this account is overdue; there is nothing to suspend it for")
        )
    return list(dict.fromkeys(named)) if named else overdue


def _find_rejection_reason(context: ApiContext, workflow_input: SuspensionInput, command: RequestSuspension) -> Refusal | None:
    """Why the account's first, or next, case would refuse to be begun so, in words: a case that nothing was asked of must not begin."""
    case_id = ids.suspension_case_id(workflow_input.account_id)
    known = find_case(context.database, CaseKind.SUSPENSION, case_id)
    if known is not None and known.outcome is None:
        return None
    journal = Journal(case_id=case_id, account_id=workflow_input.account_id)
    empty = SuspensionCase(journal=journal, snapshot=workflow_input.policy, prepaid=workflow_input.prepaid)
    return rejection_reason(empty, command, context.today)


def _build_rejection_problem(why: Refusal) -> Problem:
    return Problem(409, "refused", "The account cannot be suspended", why)
