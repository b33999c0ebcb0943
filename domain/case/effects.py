"""The effects that a case asks its workflow to execute. A case decides and leaves these in its outbox; the workflow hands each to the
activity or the workflow that it names, in order. All are serialisable, so that none is lost when a long life goes on in a new run."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.billing.receivables import Receivable
from domain.case.asked_invoice import AskedInvoice
from domain.journal.entry import FactValue
from domain.policy.approval_matrix import ApprovalRequest
from domain.policy.approval_type import ApprovalType
from domain.policy.dispute_rules import DisputeResolution
from domain.roles import Role
from domain.timeline.holds import Hold


class _BaseEffect(BaseModel):
    model_config = ConfigDict(frozen=True)


class PlaceHold(_BaseEffect):
    effect: Literal["place_hold"] = "place_hold"
    invoice_id: str
    hold: Hold


class LiftHold(_BaseEffect):
    effect: Literal["lift_hold"] = "lift_hold"
    invoice_id: str
    hold_id: str


class NotifyInvoice(_BaseEffect):
    """A case of the account did something that an invoice's own history must tell: `what` is the journal's kind."""

    effect: Literal["tell_invoice"] = "tell_invoice"
    invoice_id: str
    what: str
    case_id: str = ""


class JoinSuspension(_BaseEffect):
    """An invoice's timeline asks for the suspension of its account, or for its hand-over: starts, or joins, the account's case."""

    effect: Literal["join_suspension"] = "join_suspension"
    account_id: str
    claim: Receivable
    hand_over: bool = False


class SendLetter(_BaseEffect):
    """A letter to the customer, in its language, in the first contact slot from `on`, about the invoices named.

    Its news comes back with `number`; `key` makes it the same letter however often it is asked for.
    """

    effect: Literal["send_letter"] = "send_letter"
    template: str
    on: date
    key: str = ""
    number: int = 0
    invoice_ids: list[str] = Field(default_factory=list)
    details: dict[str, FactValue] = Field(default_factory=dict)


class WithdrawLetter(_BaseEffect):
    """A letter that was asked for has lost its object: it does not go, if it has not gone. No news of it is waited for."""

    effect: Literal["withdraw_letter"] = "withdraw_letter"
    key: str


class NotifyRole(_BaseEffect):
    """A notice to all staff of a role."""

    effect: Literal["notify_role"] = "notify_role"
    role: Role
    template: str
    details: dict[str, FactValue] = Field(default_factory=dict)


class RequestApproval(_BaseEffect):
    """Ask the human gate. The `number` counts the case's approvals; the answer names it. Amounts in minor units.

    `other_amounts` are what is asked for in further currencies: each currency has its own signatories, and all of them are asked.
    Nobody in `also_asked` may approve it, no more than the requester. `invoices`: what is asked for of each; `reason` is the requester's
    and names no person, or `note_id` names the note that holds it.
    """

    effect: Literal["ask_approval"] = "ask_approval"
    number: int
    matter: ApprovalType
    amount: int
    currency: str
    other_amounts: dict[str, int] = Field(default_factory=dict)
    requester: str
    also_asked: list[str] = Field(default_factory=list)
    term_days: int = 0
    broken_plans: int = 0
    invoice_ids: list[str] = Field(default_factory=list)
    details: dict[str, FactValue] = Field(default_factory=dict)
    invoices: list[AskedInvoice] = Field(default_factory=list)
    reason: str = ""
    note_id: str | None = None

    def build_question(self, segment: str, credited_before: int = 0) -> ApprovalRequest:
        """What the matrix is asked. `segment`: the account's; `credited_before` as `ApprovalRequest` has it."""
        return ApprovalRequest(
            matter=self.matter,
            amount=self.amount,
            currency=self.currency,
            other_amounts=self.other_amounts,
            term_days=self.term_days,
            broken_plans=self.broken_plans,
            segment=segment,
            credited_before=credited_before,
        )

    @property
    def amounts(self) -> dict[str, int]:
        return {self.currency: self.amount} | self.other_amounts


class ReviseApproval(_BaseEffect):
    """What is asked for has changed, in amount (minor units) or otherwise: the approval lapses if that takes it to another tier.

    `requester` None: those who ask are the same.
    """

    effect: Literal["revise_approval"] = "revise_approval"
    number: int
    amount: int
    currency: str
    other_amounts: dict[str, int] = Field(default_factory=dict)
    invoices: list[AskedInvoice] = Field(default_factory=list)
    requester: str | None = None
    also_asked: list[str] = Field(default_factory=list)
    reason: str = ""
    note_id: str | None = None

    @property
    def amounts(self) -> dict[str, int]:
        return {self.currency: self.amount} | self.other_amounts


class WithdrawApproval(_BaseEffect):
    """The approval that was asked for has lost its object. `reason`: settled, disputed, withdrawn, revised."""

    effect: Literal["withdraw_approval"] = "withdraw_approval"
    number: int
    reason: str


class SuspendInBilling(_BaseEffect):
    """The activity reads the account anew and suspends only while it is in arrears. `number` makes it once."""

    effect: Literal["suspend_in_billing"] = "suspend_in_billing"
    account_id: str
    number: int
    invoice_ids: list[str]


class ReinstateInBilling(_BaseEffect):
    effect: Literal["reinstate_in_billing"] = "reinstate_in_billing"
    account_id: str


class HandOverAccount(_BaseEffect):
    """The account's dossier goes to the write-off team: starts, or joins, the account's write-off case."""

    effect: Literal["hand_over"] = "hand_over"
    account_id: str
    invoice_ids: list[str]


class NotifySuspension(_BaseEffect):
    """What the write-off team decided about an account that a suspension handed over. The case, if there is one, hears it before billing
    settles or frees the invoices, lest it take them for paid."""

    effect: Literal["tell_suspension"] = "tell_suspension"
    account_id: str
    what: Literal["written_off", "handed_back"]


class BookWriteOff(_BaseEffect):
    """The activity books it once by `key`. `amount` in minor units."""

    effect: Literal["book_write_off"] = "book_write_off"
    key: str
    invoice_id: str
    amount: int
    currency: str


class AdoptSegment(_BaseEffect):
    """The account is collected by the policy of that segment from now on, whatever segment it is in; None: by its own again."""

    effect: Literal["adopt_segment"] = "adopt_segment"
    account_id: str
    segment: str | None
    invoice_ids: list[str]


class MakeDossier(_BaseEffect):
    """Compile the account's dossier as PDF and JSON; `purpose`: write_off, agency, legal, proof_of_claim."""

    effect: Literal["make_dossier"] = "make_dossier"
    account_id: str
    purpose: str


class HastenTimeline(_BaseEffect):
    """The invoice's timeline goes on one step harsher than where it stopped.

    Comes before the hold is lifted, lest the milder step be taken.
    """

    effect: Literal["resume_harsher"] = "resume_harsher"
    invoice_id: str
    case_id: str


class MarkDisputed(_BaseEffect):
    """So much of the invoice (minor units) is in dispute: letters ask for the rest only. When it is over, 0, and how it ended."""

    effect: Literal["mark_disputed"] = "mark_disputed"
    invoice_id: str
    case_id: str
    amount: int
    resolution: DisputeResolution | None = None


class IssueCreditNote(_BaseEffect):
    """Credit an invoice in billing, once by `key`. `amount` in minor units. The case hears whether it was booked.

    `within_open_balance`: billing refuses it if less is open by then; else what is beyond becomes unapplied credit.
    """

    effect: Literal["issue_credit_note"] = "issue_credit_note"
    key: str
    invoice_id: str
    amount: int
    currency: str
    within_open_balance: bool = False


class CancelInvoice(_BaseEffect):
    """Cancel an invoice in billing, once by `key`: what was paid on it becomes unapplied credit. The case hears whether it was booked."""

    effect: Literal["cancel_invoice"] = "cancel_invoice"
    key: str
    invoice_id: str


class ChangeInvoice(_BaseEffect):
    """Set the invoice's `total` (minor units) in billing, once by `key`. The case hears whether it was booked."""

    effect: Literal["change_invoice"] = "change_invoice"
    key: str
    invoice_id: str
    total: int
    currency: str


class ChargeInterest(_BaseEffect):
    """Charge the account the interest of an instalment that fell due, once by `key`. `amount` in minor units."""

    effect: Literal["charge_interest"] = "charge_interest"
    key: str
    account_id: str
    amount: int
    currency: str


class NotifyPerson(_BaseEffect):
    """A notice to one member of staff, by user name."""

    effect: Literal["notify_person"] = "notify_person"
    user: str
    template: str
    details: dict[str, FactValue] = Field(default_factory=dict)


Effect = Annotated[
    PlaceHold
    | LiftHold
    | NotifyInvoice
    | SendLetter
    | JoinSuspension
    | WithdrawLetter
    | NotifyRole
    | RequestApproval
    | ReviseApproval
    | WithdrawApproval
    | SuspendInBilling
    | ReinstateInBilling
    | HandOverAccount
    | NotifySuspension
    | BookWriteOff
    | MakeDossier
    | AdoptSegment
    | HastenTimeline
    | MarkDisputed
    | IssueCreditNote
    | ChangeInvoice
    | CancelInvoice
    | ChargeInterest
    | NotifyPerson,
    Field(discriminator="effect"),
]
