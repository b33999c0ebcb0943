"""What a payment plan would come to, for whoever builds it at the console."""

from adapters.preview.plan_ahead import PlanAhead, PlanLookout, look_ahead_at_plan, look_ahead_at_revision
from adapters.preview.plan_as_it_stands import load_plan_case
from adapters.read_model.accounts import AccountDetail
from adapters.read_model.cases import CaseRow
from api.context import ApiContext
from api.routes.plans import build_proposal, require_proposable_debt
from api.schemas.plans import PlanPreviewIn, TermsIn
from api.web.problems import Problem
from domain.clock import Moment
from domain.payment_plan.command_rules import rejection_reason
from domain.payment_plan.commands import RevisePlan, Side
from domain.payment_plan.summary import PaymentPlanSummary

UNSENT = "plan preview"
"""The id of a command that nobody sends, and its reason."""


def compute_plan(context: ApiContext, account: AccountDetail, body: PlanPreviewIn, user: str) -> PlanAhead:
    """Raises Problem 409 for terms that cannot be proposed, as the proposal does."""
    proposal = build_proposal(body, UNSENT, user)
    require_proposable_debt(context, account.id, proposal)
    return look_ahead_at_plan(_build_lookout(context, account), context.case_inputs.load_plan_input(account.id, proposal))


def compute_revision(context: ApiContext, account: AccountDetail, plan: CaseRow, terms: TermsIn, user: str) -> PlanAhead:
    """Raises Problem 409 for terms that the plan would refuse."""
    case = load_plan_case(context.database, context.case_inputs, plan)
    wanted = terms.build_terms(plan.summary_of(PaymentPlanSummary).currency)
    revision = RevisePlan(act_id=UNSENT, actor=user, terms=wanted, asked_by=Side.US, why=UNSENT)
    if why := rejection_reason(case, revision, context.today):
        raise Problem(409, "refused", "No such terms can be put forward", why)
    return look_ahead_at_revision(_build_lookout(context, account), case, revision)


def _build_lookout(context: ApiContext, account: AccountDetail) -> PlanLookout:
    matrix = context.policies.find_matrix()
    at = Moment(context.business_now, context.now())
    return PlanLookout(context.database, context.letter_loader, matrix.load_matrix() if matrix else None, account.segment, at)
