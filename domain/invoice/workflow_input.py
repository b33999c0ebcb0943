"""What the collection of an invoice starts with, and what it comes to. No personal detail is in either."""

from pydantic import AwareDatetime, BaseModel, Field

from domain.billing.billing_events import InvoiceFacts, InvoiceStatus
from domain.case.workflow_input import CaseInput
from domain.invoice.invoice_case import InvoiceCase
from domain.policy.collection_policy import PolicySnapshot
from domain.timeline.holds import Hold

"""The workflow's name on the server."""


class InvoiceCollectionInput(CaseInput):
    """The start of one invoice's workflow, with the holds that it is born with. `case` hands a long life on to a new run."""

    invoice_id: str
    account_id: str
    facts: InvoiceFacts
    policy: PolicySnapshot
    holds: list[Hold] = Field(default_factory=list)
    case: InvoiceCase | None = None


class InvoiceCollectionOutcome(BaseModel):
    """How it ended, at a business time."""

    status: InvoiceStatus
    closed_at: AwareDatetime
