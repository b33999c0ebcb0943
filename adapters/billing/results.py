"""What a billing system answers. Amounts are minor units of the currency named, dates are business dates."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.billing.billing_events import BillingEvent, InvoiceFacts
from domain.billing.credit_application import CreditShare
from domain.billing.payment_allocation import AllocationShare


class PaymentResult(BaseModel):
    """What became of a payment or a credit note. `allocations`, which may recover what was written off, and `unapplied` add up to it, in
    minor units."""

    model_config = ConfigDict(frozen=True)

    allocations: tuple[AllocationShare, ...]
    unapplied: int


class OpenInvoice(NamedTuple):
    """An invoice of which something is owed."""

    invoice_id: str
    facts: InvoiceFacts


class RecordedPayment(NamedTuple):
    """A payment as billing knows it. `invoice_id` is the invoice that the payer named; `reversed_on` is set when it bounced."""

    payment_id: str
    currency: str
    amount: int
    received_on: date
    reference: str = ""
    invoice_id: str | None = None
    reversed_on: date | None = None


class UnappliedSource(NamedTuple):
    """A payment or credit note of which no invoice has taken `left`, of its whole `amount`. `came_on`: when it was received or issued."""

    credit_id: str
    is_credit_note: bool
    currency: str
    amount: int
    left: int
    came_on: date
    reference: str


class CreditApplication(NamedTuple):
    """Unapplied credit that was applied to invoices; or, with `takes_back`, such an application that was undone, with the `reason`. The
    shares add up to the amount, positive in both; nothing where nothing could be applied. `taken_back_by`: the key of what undid it."""

    key: str
    account_id: str
    currency: str
    amount: int
    booked_on: date
    recorded_by: str
    takes_back: str | None
    reason: str
    shares: tuple[CreditShare, ...]
    taken_back_by: str | None = None


class PendingEvent(NamedTuple):
    """An event that waits for its delivery. `cursor` is billing's own name for its place in the outbox, and opaque."""

    cursor: str
    invoice_id: str
    event: BillingEvent


OnUnreadable = Callable[[str, Exception], None]
"""Is told the invoice of an event that cannot be read, and why."""
