"""Payment plans: tried out, proposed, revised, and what the customer said to them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.account_debts import AccountKey, plan_of_act
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from adapters.read_model.journal import case_history
from adapters.temporal.case_commands import CaseAlreadyOpen
from adapters.temporal.case_start import Beginning
from api.commands.case_commands import answer, do_on_case, existing_case, keep_comment
from api.commands.notes_and_tasks import keep_note_of
from api.context import ApiParts
from api.presenters import cases as presenting
from api.routes.account_lookup import ActId, ExistingAccount
from api.routes.invoice_commands import WAITS
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
from api.schemas.responses import ActAnswer
from api.web.authentication import Parts, PlanningPayments, Reader
from api.web.idempotency import OnceRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, Problem
from domain import identifiers as ids
from domain.case.command import Act
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, ProposePlan, RevisePlan, proposal_refusal
from domain.payment_plan.instalments import Schedule
from domain.payment_plan.workflow_input import PAYMENT_PLAN
from domain.roles import Role

router = APIRouter(prefix="/v1", tags=["payment plans"], route_class=OnceRoute, responses=RESPONSES)


def existing_plan(parts: Parts, plan_id: str) -> CaseRow:
    """Raises Problem 404."""
    return existing_case(parts, "payment_plan", plan_id, "GET /v1/plans lists them")


ExistingPlan = Annotated[CaseRow, Depends(existing_plan)]


@router.get("/plans", operation_id="list_plans", summary="Payment plans, the nearest day first")
def plans(
    parts: Parts,
    _: Reader,
    account: str | None = None,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    role: Annotated[Role | None, Query(description="only those that wait for this role")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PlanOut]:
    wanted = CaseFilter(kind="payment_plan", account=account, open=open, roles=[role] if role else None)
    rows, following = list_cases(parts.database, wanted, limit, cursor)
    return Page(items=[presenting.plan(row) for row in rows], next=following)


@router.get("/plans/{plan_id}", operation_id="read_plan", summary="One plan: its instalments, what is paid, and every revision")
def plan(parts: Parts, _: Reader, asked: ExistingPlan) -> PlanDetail:
    return presenting.plan_in_full(asked, case_history(parts.database, asked.case_id))


@router.post("/accounts/{account_id}/plans/preview", operation_id="preview_plan", summary="What a plan would come to; nothing is proposed")
def preview(actor: PlanningPayments, account: ExistingAccount, said: PlanPreviewIn, id: ActId, parts: Parts) -> ScheduleOut:
    """Refused in the same words as the proposal would be."""
    wanted = _proposal(said, id, actor.user)
    debt = _check(parts, account, wanted)
    return presenting.schedule(Schedule.of(wanted.terms, debt, parts.today), said.currency)


@router.post(
    "/accounts/{account_id}/plans", operation_id="propose_plan", summary="Propose a payment plan", status_code=201, responses=WAITS
)
async def propose(
    actor: PlanningPayments, account: ExistingAccount, said: PlanIn, id: ActId, parts: Parts, response: Response
) -> PlanStarted:  # fmt: skip
    """The invoices are on hold from now on. The approval matrix says who must agree before the customer gets the offer."""
    if known := await run_in_threadpool(plan_of_act, parts.database, account.id, id):
        return PlanStarted(act_id=id, recorded="now", repeated=True, plan_id=known)
    wanted = _proposal(said, id, actor.user)
    opening = await run_in_threadpool(parts.beginnings.plan, account.id, wanted)
    await run_in_threadpool(_check, parts, account, wanted)
    note = await run_in_threadpool(keep_note_of, parts, id, account.id, None, actor.user, said.comment) if said.comment else None
    wanted = wanted.model_copy(update={"asked_by": said.asked_by, "why": said.why, "note_id": note})
    opening = opening.model_copy(update={"proposal": wanted})
    plan_id = ids.plan_case(account.id, opening.number)
    beginning = Beginning(PAYMENT_PLAN, plan_id, opening, account.id, account.collector)
    try:
        outcome = await parts.cases.begin(beginning, id)
    except CaseAlreadyOpen as error:
        raise Problem(
            409, "already-open", "Another plan came first",
            "another plan of this account was proposed a moment ago; look at it with GET /v1/plans, then try again",
        ) from error  # fmt: skip
    return PlanStarted(**answer(outcome, id, response).model_dump(), plan_id=plan_id)


@router.post("/plans/{plan_id}/revision", operation_id="revise_plan", summary="Put forward other terms", responses=WAITS)
async def revision(
    actor: PlanningPayments, asked: ExistingPlan, said: RevisionIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """Every revision is approved anew, and accepted or declined by the customer."""
    terms = said.terms.in_currency(asked.summary["currency"])
    note = await keep_comment(parts, id, asked, actor.user, said.comment)
    act = RevisePlan(act_id=id, actor=actor.user, terms=terms, asked_by=said.asked_by, why=said.why, note_id=note)
    return await do_on_case(parts, asked, act, response)


@router.post("/plans/{plan_id}/acceptance", operation_id="accept_plan", summary="The customer agreed", responses=WAITS)
async def acceptance(
    actor: PlanningPayments, asked: ExistingPlan, said: PlanAnswerIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """To that revision and to no other."""
    note = await keep_comment(parts, id, asked, actor.user, said.comment)
    act = AcceptPlan(act_id=id, actor=actor.user, revision=said.revision, note_id=note)
    return await do_on_case(parts, asked, act, response)


@router.post("/plans/{plan_id}/refusal", operation_id="decline_plan", summary="The customer declined", responses=WAITS)
async def refusal(
    actor: PlanningPayments, asked: ExistingPlan, said: PlanAnswerIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """Without a counter-offer: that one is a revision that the customer asked for. Terms that are in force hold on."""
    note = await keep_comment(parts, id, asked, actor.user, said.comment)
    act = DeclinePlan(act_id=id, actor=actor.user, revision=said.revision, note_id=note)
    return await do_on_case(parts, asked, act, response)


@router.post("/plans/{plan_id}/cancellation", operation_id="cancel_plan", summary="End a plan without reproach", responses=WAITS)
async def cancellation(
    actor: PlanningPayments, asked: ExistingPlan, said: PlanCancellationIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """The invoices are collected again from where they stood."""
    act: Act = CancelPlan(act_id=id, actor=actor.user, why=said.why)
    return await do_on_case(parts, asked, act, response)


def _proposal(said: PlanPreviewIn, id: str, user: str) -> ProposePlan:
    return ProposePlan(
        act_id=id, actor=user, invoice_ids=said.invoices, currency=said.currency, terms=said.terms.in_currency(said.currency)
    )  # fmt: skip


def _check(parts: ApiParts, account: AccountKey, wanted: ProposePlan) -> int:
    """The debt that the plan would cover, in minor units. Raises Problem 409 with why it cannot be proposed."""
    beginnings = parts.beginnings
    invoices, rules = beginnings.plan_invoices(account.id, wanted.invoice_ids), beginnings.policy(account.id).read().plan
    why = proposal_refusal(
        wanted, account.id, invoices, rules, parts.today, broken_plans=beginnings.broken_plans(account.id),
        in_plans=beginnings.in_plans(account.id),
    )  # fmt: skip
    if why:
        raise Problem(409, "refused", "No such plan can be proposed", why)
    return sum(invoice.facts.open_balance for invoice in invoices)
