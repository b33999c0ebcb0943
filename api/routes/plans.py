"""Payment plans: tried out, proposed, revised, and what the customer said to them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.account_debts import find_plan_of_command
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from adapters.read_model.journal import list_case_history
from adapters.temporal.case_commands import CaseAlreadyOpen
from adapters.temporal.case_start import CaseStart
from api.commands.case_commands import build_command_answer, require_case, save_comment, submit_case_command
from api.commands.notes_and_tasks import save_note
from api.context import ApiContext
from api.presenters.plans import present_plan, present_plan_detail, present_schedule
from api.routes.account_lookup import CommandId, ExistingAccount
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.schemas.plans import (
    PlanAnswerIn,
    PlanCancellationIn,
    PlanDetail,
    PlanIn,
    PlanOut,
    PlanPreviewIn,
    PlanStarted,
    RevisionIn,
    ScheduleOut,
)
from api.web.authentication import Context, PaymentPlanningActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, Problem
from domain import identifiers as ids
from domain.case.command import Command
from domain.identifiers import CaseKind
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, ProposePlan, RevisePlan, proposal_rejection_reason
from domain.payment_plan.instalments import InstalmentSchedule
from domain.payment_plan.summary import PaymentPlanSummary
from domain.refusal import Refusal
from domain.roles import Role

router = APIRouter(prefix="/v1", tags=["payment plans"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


def require_plan(context: Context, plan_id: str) -> CaseRow:
    """Raises Problem 404."""
    return require_case(context, CaseKind.PAYMENT_PLAN, plan_id, "GET /v1/plans lists them")


ExistingPlan = Annotated[CaseRow, Depends(require_plan)]


@router.get("/plans", operation_id="list_plans", summary="Payment plans, the nearest day first")
def get_plans(
    context: Context,
    _: ReadingActor,
    account: str | None = None,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    role: Annotated[Role | None, Query(description="only those that wait for this role")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PlanOut]:
    case_filter = CaseFilter(kind=CaseKind.PAYMENT_PLAN, account=account, open=open, roles=[role] if role else None)
    rows, following = list_cases(context.database, case_filter, limit, cursor)
    return Page(items=[present_plan(row) for row in rows], next=following)


@router.get("/plans/{plan_id}", operation_id="read_plan", summary="One plan: its instalments, what is paid, and every revision")
def get_plan(context: Context, _: ReadingActor, plan: ExistingPlan) -> PlanDetail:
    return present_plan_detail(plan, list_case_history(context.database, plan.case_id))


@router.post("/accounts/{account_id}/plans/preview", operation_id="preview_plan", summary="What a plan would come to; nothing is proposed")
def preview_plan(
    actor: PaymentPlanningActor, account: ExistingAccount, body: PlanPreviewIn, command_id: CommandId, context: Context
) -> ScheduleOut:
    """Compute the schedule. A preview is rejected for the same reasons as the proposal."""
    proposal = build_proposal(body, command_id, actor.user)
    debt = require_proposable_debt(context, account.id, proposal)
    return present_schedule(InstalmentSchedule.from_terms(proposal.terms, debt, context.today), body.currency)


@router.post(
    "/accounts/{account_id}/plans",
    operation_id="propose_plan",
    summary="Propose a payment plan",
    status_code=201,
    responses=QUEUED_RESPONSE,
)
async def propose_plan(
    actor: PaymentPlanningActor, account: ExistingAccount, body: PlanIn, command_id: CommandId, context: Context, response: Response
) -> PlanStarted:
    """The invoices are on hold from now on. The approval matrix says who must agree before the customer gets the offer."""
    if known := await run_in_threadpool(find_plan_of_command, context.database, account.id, command_id):
        return PlanStarted(act_id=command_id, recorded="now", repeated=True, plan_id=known)
    proposal = build_proposal(body, command_id, actor.user)
    opening = await run_in_threadpool(context.case_inputs.load_plan_input, account.id, proposal)
    await run_in_threadpool(require_proposable_debt, context, account.id, proposal)
    note = await run_in_threadpool(save_note, context, command_id, account.id, None, actor.user, body.comment) if body.comment else None
    proposal = proposal.model_copy(update={"asked_by": body.asked_by, "why": body.why, "note_id": note})
    opening = opening.model_copy(update={"proposal": proposal})
    plan_id = ids.plan_case_id(account.id, opening.number)
    beginning = CaseStart(ids.WorkflowName.PAYMENT_PLAN, plan_id, opening, account.id, account.collector)
    try:
        outcome = await context.cases.start_case(beginning, command_id)
    except CaseAlreadyOpen as error:
        raise Problem(
            409,
            "already-open",
            "Another plan came first",
            Refusal(
                "plan.another_first",
                "another plan of this account was proposed a moment ago; look at it with GET /v1/plans, then try again",
            ),
        ) from error
    return PlanStarted(**build_command_answer(outcome, command_id, response).model_dump(), plan_id=plan_id)


@router.post("/plans/{plan_id}/revision", operation_id="revise_plan", summary="Put forward other terms", responses=QUEUED_RESPONSE)
async def revise_plan(
    actor: PaymentPlanningActor, plan: ExistingPlan, body: RevisionIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """Every revision needs an approval of its own, and the customer accepts or declines it."""
    terms = body.terms.build_terms(plan.summary_of(PaymentPlanSummary).currency)
    note = await save_comment(context, command_id, plan, actor.user, body.comment)
    command = RevisePlan(act_id=command_id, actor=actor.user, terms=terms, asked_by=body.asked_by, why=body.why, note_id=note)
    return await submit_case_command(context, plan, command, response)


@router.post("/plans/{plan_id}/acceptance", operation_id="accept_plan", summary="The customer agreed", responses=QUEUED_RESPONSE)
async def accept_plan(
    actor: PaymentPlanningActor, plan: ExistingPlan, body: PlanAnswerIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """Accept that revision and no other."""
    note = await save_comment(context, command_id, plan, actor.user, body.comment)
    command = AcceptPlan(act_id=command_id, actor=actor.user, revision=body.revision, note_id=note)
    return await submit_case_command(context, plan, command, response)


@router.post("/plans/{plan_id}/refusal", operation_id="decline_plan", summary="The customer declined", responses=QUEUED_RESPONSE)
async def decline_plan(
    actor: PaymentPlanningActor, plan: ExistingPlan, body: PlanAnswerIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """Without a counter-offer: that one is a revision that the customer asked for. Terms that are in force hold on."""
    note = await save_comment(context, command_id, plan, actor.user, body.comment)
    command = DeclinePlan(act_id=command_id, actor=actor.user, revision=body.revision, note_id=note)
    return await submit_case_command(context, plan, command, response)


@router.post("/plans/{plan_id}/cancellation", operation_id="cancel_plan", summary="End a plan without reproach", responses=QUEUED_RESPONSE)
async def cancel_plan(
    actor: PaymentPlanningActor, plan: ExistingPlan, body: PlanCancellationIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """The invoices are collected again from where they stood."""
    command: Command = CancelPlan(act_id=command_id, actor=actor.user, why=body.why)
    return await submit_case_command(context, plan, command, response)


def build_proposal(body: PlanPreviewIn, command_id: str, user: str) -> ProposePlan:
    return ProposePlan(
        act_id=command_id, actor=user, invoice_ids=body.invoices, currency=body.currency, terms=body.terms.build_terms(body.currency)
    )


def require_proposable_debt(context: ApiContext, account_id: str, proposal: ProposePlan) -> int:
    """Return the debt that the plan would cover, in minor units. Raises Problem 409 with the reason why it cannot be proposed."""
    beginnings = context.case_inputs
    invoices, rules = beginnings.load_plan_invoices(account_id, proposal.invoice_ids), beginnings.load_policy(account_id).load_policy().plan
    why = proposal_rejection_reason(
        proposal,
        account_id,
        invoices,
        rules,
        context.today,
        broken_plans=beginnings.count_broken_plans(account_id),
        in_plans=beginnings.list_invoices_in_plans(account_id),
    )
    if why:
        raise Problem(409, "refused", "No such plan can be proposed", why)
    return sum(invoice.facts.open_balance for invoice in invoices)
