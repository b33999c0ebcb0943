"""What people do about a dispute. Who did it, and in which role, is set by the API from who signed in."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.acts import Act
from domain.dispute_rules import DisputeReason
from domain.invoices import InvoiceFacts
from domain.roles import Role


class Resolution(StrEnum):
    """How a dispute ends. SETTLED comes from billing: nothing is left to contest."""

    REJECTED = "rejected"
    CREDIT_NOTE = "credit_note"
    CORRECTED_INVOICE = "corrected_invoice"
    ALREADY_PAID = "already_paid"
    WITHDRAWN = "withdrawn"
    SETTLED = "settled"


class Source(StrEnum):
    """How we came to know."""

    COLLECTOR = "collector"
    CALL = "call"


class RaiseDispute(Act):
    """The customer contests `amount` (minor units of the invoice's currency). `evidence`: the SHA-256 of each stored file."""

    role: Role
    reason: DisputeReason
    amount: int = Field(gt=0)
    source: Source = Source.COLLECTOR
    note_id: str | None = None
    evidence: list[str] = Field(default_factory=list)


class AssignDispute(Act):
    """To a person of the department that owns it, or to another department, whose time then starts anew."""

    role: Role
    department: Role | None = None
    assignee: str | None = None
    note_id: str | None = None


class AttachEvidence(Act):
    """Files that are stored already, by their SHA-256."""

    evidence: list[str] = Field(min_length=1)


class ResolveDispute(Act):
    """The department's answer.

    `amount` (minor units) is what a credit note would credit, or the corrected invoice's new total; a correction without one is in
    billing already. `reference` is that of the payment that was found, or of the corrected invoice; it names no person.
    """

    role: Role
    resolution: Resolution
    amount: int | None = Field(default=None, ge=0)
    reference: str = ""
    note_id: str | None = None


class PastDispute(BaseModel):
    """What an invoice remembers of each of its disputes; `resolution` is None while it is open. Amounts in minor units."""

    model_config = ConfigDict(frozen=True)

    number: int
    reason: DisputeReason
    amount: int
    resolution: Resolution | None = None


class RaisedDispute(BaseModel):
    """A dispute that was accepted and whose own case has yet to begin. `facts` are the invoice's as it was raised."""

    model_config = ConfigDict(frozen=True)

    act: RaiseDispute
    facts: InvoiceFacts


def raise_refusal(act: RaiseDispute, facts: InvoiceFacts, earlier: list[PastDispute]) -> str | None:
    """Why an invoice takes no such dispute, in words; None when it does.

    One at a time: two open disputes could contest the same money twice. The same grounds again need a manager, lest a dispute be the
    way to put off payment for ever.
    """
    if facts.settled:
        return f"the invoice is {facts.status}; there is nothing left to dispute"
    if act.amount > facts.open_balance:
        return "the disputed amount is more than the open balance"
    still_open = next((past for past in earlier if past.resolution is None), None)
    if still_open:
        return f"dispute {still_open.number} of this invoice is still open; add to that one"
    again = any(past.reason is act.reason for past in earlier)
    if again and act.role is not Role.COLLECTIONS_MANAGER:
        return f"this invoice was disputed on the same grounds before ({act.reason}); a second time only a collections manager may raise it"
    return None
