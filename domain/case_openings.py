"""What the workflows of cases other than the invoices' start with, and what they are answered. No personal detail is in any of it.

`case` hands a long life on to a new run; `earlier` is what the account's last case of the kind left.
"""

from pydantic import BaseModel, Field

from domain.approval_matrix import MatrixSnapshot, Question
from domain.approval_news import Subject
from domain.approvals import ApprovalCase
from domain.arrears import Claim
from domain.clock import Clock
from domain.credit_reviews import CreditReviewCase
from domain.dispute_acts import RaiseDispute
from domain.disputes import DisputeCase
from domain.invoices import InvoiceFacts
from domain.payment_plans import Covered, PaymentPlanCase
from domain.plan_acts import ProposePlan
from domain.policy import PolicySnapshot
from domain.record import EarlierRun
from domain.suspension_state import BillingAnswer
from domain.suspensions import SuspensionCase
from domain.write_offs import WriteOffCase

DISPUTE, APPROVAL, PAYMENT_PLAN = "Dispute", "Approval", "PaymentPlan"
SUSPENSION, CREDIT_REVIEW, WRITE_OFF = "AccountSuspension", "CreditReview", "WriteOff"
"""The workflows' names on the server."""


class DisputeOpening(BaseModel):
    """`facts` are the invoice's as it was raised; the policy is the invoice's."""

    number: int
    invoice_id: str
    account_id: str
    facts: InvoiceFacts
    policy: PolicySnapshot
    raised: RaiseDispute
    clock: Clock
    case: DisputeCase | None = None


class PlanOpening(BaseModel):
    """`covered`: the plan's invoices as billing knew them when it was proposed. `number` counts the account's plans from 1."""

    number: int
    account_id: str
    proposal: ProposePlan
    covered: dict[str, Covered]
    broken_plans: int = 0
    policy: PolicySnapshot
    clock: Clock
    case: PaymentPlanCase | None = None


class SuspensionOpening(BaseModel):
    """`asking`, `asking_hand_over`: invoices that asked when the last case was just ending."""

    account_id: str
    policy: PolicySnapshot
    prepaid: bool = False
    clock: Clock
    earlier: EarlierRun | None = None
    asking: list[Claim] = Field(default_factory=list)
    asking_hand_over: list[Claim] = Field(default_factory=list)
    case: SuspensionCase | None = None


class CreditReviewOpening(BaseModel):
    """`invoice_ids`: the account's open invoices."""

    account_id: str
    invoice_ids: list[str] = Field(default_factory=list)
    clock: Clock
    earlier: EarlierRun | None = None
    case: CreditReviewCase | None = None


class WriteOffOpening(BaseModel):
    """`handed_over`: what came when the last case was just ending."""

    account_id: str
    clock: Clock
    earlier: EarlierRun | None = None
    handed_over: list[Claim] = Field(default_factory=list)
    case: WriteOffCase | None = None


class ApprovalFrame(BaseModel):
    """What the one who asks cannot know: the matrix in force, the customer's segment, for whom the requester may act on that day, and
    whether the account's service is paid in advance by now."""

    matrix: MatrixSnapshot
    segment: str
    acting_for: list[str] = Field(default_factory=list)
    prepaid: bool = False


class ApprovalOpening(BaseModel):
    """The `number` counts the approvals of the case that asks; its answer names it."""

    number: int
    account_id: str
    question: Question
    requester: str
    also_asked: list[str] = Field(default_factory=list)
    acting_for: list[str] = Field(default_factory=list)
    subject: Subject
    matrix: MatrixSnapshot
    clock: Clock
    case: ApprovalCase | None = None


class Booking(BaseModel):
    """What billing answered. `key` names what was asked; `refused` says in words why it cannot be done, empty when it was."""

    key: str
    refused: str = ""


class SuspensionAnswer(BaseModel):
    """What billing did with the order of that number."""

    order: int
    answer: BillingAnswer


class Reinstated(BaseModel):
    """The service is on again."""


class WrittenOff(BaseModel):
    """So much (minor units) billing really wrote off the invoice, which is never more than was open."""

    invoice_id: str
    amount: int


BillingWord = Booking | SuspensionAnswer | Reinstated | WrittenOff
"""What a case hears from billing about what it ordered."""
