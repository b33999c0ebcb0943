"""What people may ask of the case of a credit request."""

from typing import ClassVar

from pydantic import Field

from domain.billing.billing_events import InvoiceFacts
from domain.billing.reduction_kind import ReductionKind
from domain.case.command import Command
from domain.roles import Role


class RequestCredit(Command):
    """Credit or cancel an invoice. `amount` in minor units of its currency: what is to be credited; the whole total where it is to be
    cancelled. `facts` are billing's at that moment, `note_id` names the note that holds the reason."""

    journal_name: ClassVar[str] = "RequestCredit"

    reduction: ReductionKind
    amount: int = Field(ge=0)
    facts: InvoiceFacts
    note_id: str


class WithdrawCreditRequest(Command):
    """Drop the request before it is decided. `role`: in which it is withdrawn; `note_id` names the note that says why, if one does."""

    journal_name: ClassVar[str] = "WithdrawCreditRequest"

    role: Role
    note_id: str | None = None
