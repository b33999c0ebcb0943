"""What a payment plan's workflow starts with."""

from domain.case.workflow_input import CaseInput
from domain.payment_plan.commands import ProposePlan
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.state import CoveredInvoice
from domain.policy.collection_policy import PolicySnapshot


class PaymentPlanInput(CaseInput):
    """`covered`: the plan's invoices as billing knew them when it was proposed. `number` counts the account's plans from 1."""

    number: int
    account_id: str
    proposal: ProposePlan
    covered: dict[str, CoveredInvoice]
    broken_plans: int = 0
    policy: PolicySnapshot
    case: PaymentPlanCase | None = None
