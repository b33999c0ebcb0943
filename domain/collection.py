"""What the collection of an invoice starts with, and what it comes to. No personal detail is in either."""

from pydantic import AwareDatetime, BaseModel, Field

from domain.clock import Clock
from domain.holds import Hold
from domain.invoice_case import InvoiceCase
from domain.invoices import InvoiceFacts, InvoiceStatus
from domain.policy import PolicySnapshot

INVOICE_COLLECTION = "InvoiceCollection"
"""The workflow's name on the server."""


class Opening(BaseModel):
    """The start of one invoice's workflow, with the holds that it is born with. `case` hands a long life on to a new run."""

    invoice_id: str
    account_id: str
    facts: InvoiceFacts
    policy: PolicySnapshot
    clock: Clock
    holds: list[Hold] = Field(default_factory=list)
    case: InvoiceCase | None = None


class Outcome(BaseModel):
    """How it ended, at a business time."""

    status: InvoiceStatus
    closed_at: AwareDatetime


class NextStep(BaseModel):
    """The step that comes next, and when (business time); `due_at` is None while a hold stands or an earlier letter is under way."""

    step: str | None
    due_at: AwareDatetime | None
    waiting_for: str
