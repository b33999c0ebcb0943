"""What a payment plan would come to, for whoever builds it at the console."""

from adapters.preview.plan_ahead import PlanAhead, look_ahead_at_plan
from adapters.read_model.accounts import AccountDetail
from api.context import ApiContext
from api.routes.plans import build_proposal, require_proposable_debt
from api.schemas.plans import PlanPreviewIn
from domain.clock import Moment

UNSENT = "plan preview"
"""The id of a command that nobody sends."""


def compute_plan(context: ApiContext, account: AccountDetail, body: PlanPreviewIn, user: str) -> PlanAhead:
    """Raises Problem 409 for terms that cannot be proposed, as the proposal does."""
    proposal = build_proposal(body, UNSENT, user)
    require_proposable_debt(context, account.id, proposal)
    plan = context.case_inputs.load_plan_input(account.id, proposal)
    matrix = context.policies.find_matrix()
    return look_ahead_at_plan(
        context.database,
        context.letter_loader,
        plan,
        matrix.load_matrix() if matrix else None,
        account.segment,
        Moment(context.business_now, context.now()),
    )
