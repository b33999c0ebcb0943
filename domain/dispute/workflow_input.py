"""What a dispute's workflow starts with."""

from domain.billing.billing_events import InvoiceFacts
from domain.case.workflow_input import CaseInput
from domain.dispute.commands import RaiseDispute
from domain.dispute.dispute_case import DisputeCase
from domain.policy.collection_policy import PolicySnapshot


class DisputeInput(CaseInput):
    """`facts` are the invoice's as it was raised; the policy is the invoice's."""

    number: int
    invoice_id: str
    account_id: str
    facts: InvoiceFacts
    policy: PolicySnapshot
    raised: RaiseDispute
    case: DisputeCase | None = None
