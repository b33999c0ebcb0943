"""The facts of an account's contacts and cases. Amounts in minor units of the currency beside them; days are business dates (UTC)."""

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.invoice.promise import PromiseOutcome
from domain.payment_plan.state import PlanStage


class DossierPart(BaseModel):
    model_config = ConfigDict(frozen=True)


class LetterFacts(DossierPart):
    """A letter. `on` is the day on which it was sent or, if it was not, was to be sent. `reply` is the mail server's."""

    on: date
    template: str
    recipient: str
    language: str
    subject: str
    state: str
    reply: str
    attempts: int
    decided_by: str | None
    invoices: list[str]


class CallFacts(DossierPart):
    """A call with the customer about an invoice, logged by a collector."""

    on: date
    invoice: str
    by: str
    outcome: str


class EscalationFacts(DossierPart):
    """An escalation by a step of the timeline, or (`step` empty) by a person. `told` names who was notified, where that is known."""

    on: date
    invoice: str
    step: str
    role: str
    by: str
    told: str = ""
    answered_on: date | None = None
    answered_by: str | None = None


class PromiseStatus(StrEnum):
    """REPLACED: by a later promise on the same invoice."""

    OPEN = "open"
    KEPT = PromiseOutcome.KEPT.value
    PARTLY_KEPT = PromiseOutcome.PARTLY_KEPT.value
    BROKEN = PromiseOutcome.BROKEN.value
    REPLACED = "replaced"


class PromiseFacts(DossierPart):
    """A promise to pay. `outcome` is a PromiseStatus."""

    made_on: date
    invoice: str
    recorded_by: str
    currency: str
    amount: int
    due: date
    outcome: str
    received: int | None
    judged_on: date | None


class DisputeFacts(DossierPart):
    """A dispute. `resolution` is None while it is open; `credited` is the amount that its resolution names."""

    case_id: str
    invoice: str
    raised_on: date
    raised_by: str
    reason: str
    currency: str
    amount: int
    department: str
    evidence: int
    escalations: int
    resolution: str | None
    credited: int | None
    resolved_on: date | None
    resolved_by: str | None


class PlanTerms(DossierPart):
    """One revision of a payment plan's terms, amounts in the plan's currency."""

    revision: int
    total: int
    interest: int
    instalments: int
    first_on: date
    last_on: date


class PlanStatus(StrEnum):
    """How far a plan came. DECLINED: by the customer. LAPSED: the customer never answered."""

    PROPOSED = PlanStage.PROPOSED.value
    OFFERED = PlanStage.OFFERED.value
    ACTIVE = PlanStage.ACTIVE.value
    COMPLETED = PlanStage.COMPLETED.value
    BROKEN = PlanStage.BROKEN.value
    CANCELLED = PlanStage.CANCELLED.value
    REJECTED = PlanStage.REJECTED.value
    DECLINED = "declined"
    LAPSED = "lapsed"


class PlanFacts(DossierPart):
    """A payment plan. `terms` are those in force, else those last proposed. `state` is a PlanStatus."""

    case_id: str
    proposed_on: date
    proposed_by: str
    invoices: list[str]
    currency: str
    debt: int
    terms: PlanTerms
    revisions: int
    state: str
    accepted_on: date | None
    received: int
    paid_instalments: int
    missed_instalments: int
    ended_on: date | None
    reason: str


class VerdictFacts(DossierPart):
    """A credit analyst's verdict; `limit` in minor units of `currency`."""

    on: date
    by: str
    ability: str
    willingness: str
    course: str
    insolvent: bool
    limit: int | None
    currency: str | None
    next_review_on: date | None


class ReferralFacts(DossierPart):
    """A referral to a credit analyst."""

    on: date
    by: str
    reason: str


class WarningFacts(DossierPart):
    """A suspension warning. `undelivered_because`: the letter's outcome, when it did not arrive or came back."""

    requested_on: date
    delivered_on: date | None = None
    notice_ends: date | None = None
    undelivered_because: str | None = None


class SuspensionFacts(DossierPart):
    """One suspension case from the first request to its end. `notice_ends` is the last day, extensions included."""

    asked_on: date
    asked_by: list[str]
    warning_approved_on: date | None
    warning_approved_by: list[str]
    warnings: list[WarningFacts]
    notice_ends: date | None
    extended: bool
    approved_on: date | None
    approved_by: list[str]
    suspended_on: date | None
    reinstated_on: date | None
    handed_over_on: date | None
    ended_on: date | None
    ending: str | None


class SignatureWord(StrEnum):
    SIGNED = "signed"
    REJECTED = "rejected"
    RETURNED = "returned"


class SignatureFacts(DossierPart):
    """One person's decision on an approval. `word` is a SignatureWord."""

    on: date
    by: str
    on_behalf_of: str | None
    role: str
    tier: int
    word: str


class ApprovalFacts(DossierPart):
    """An approval. `result` is an ApprovalStage, `reason` why it lapsed, or was rejected or returned."""

    case_id: str
    subject: str
    matter: str
    requested_on: date
    requester: str
    amount: int
    currency: str
    signatures: list[SignatureFacts]
    result: str
    ended_on: date | None
    reason: str


class WriteOffDecisionFacts(DossierPart):
    """A decision of the write-off team. `result`: that of its approval, `asked` while there is none, or `decided`."""

    on: date
    by: str
    decision: str
    result: str
    answered_on: date | None
    answered_by: str | None


class BookedAmount(DossierPart):
    """An amount written off, or recovered afterwards."""

    on: date
    invoice: str
    currency: str
    amount: int


class WriteOffFacts(DossierPart):
    handed_over_on: list[date] = Field(default_factory=list)
    decisions: list[WriteOffDecisionFacts] = Field(default_factory=list)
    booked: list[BookedAmount] = Field(default_factory=list)
    recovered: list[BookedAmount] = Field(default_factory=list)
