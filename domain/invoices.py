"""What the billing system says of an invoice, and the events by which it says so. The billing system is the truth of money."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.money import Currency


class InvoiceStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"
    CREDITED = "credited"
    CANCELLED = "cancelled"

    @property
    def settled(self) -> bool:
        return self is not InvoiceStatus.OPEN


class InvoiceFacts(BaseModel):
    """An invoice as billing knows it at one version. Amounts in minor units of `currency`."""

    model_config = ConfigDict(frozen=True)

    version: int
    due_date: date
    currency: Currency
    total: int
    open_balance: int
    status: InvoiceStatus = InvoiceStatus.OPEN
    disputed: bool = False

    @property
    def settled(self) -> bool:
        return self.status.settled

    def days_past_due(self, on: date) -> int:
        """Whole days; negative before the due date, zero on it: an invoice due today is not overdue."""
        return (on - self.due_date).days


class BillingEventKind(StrEnum):
    INVOICE_ISSUED = "invoice.issued"
    INVOICE_CHANGED = "invoice.changed"
    INVOICE_CANCELLED = "invoice.cancelled"
    PAYMENT_RECEIVED = "payment.received"
    PAYMENT_REVERSED = "payment.reversed"
    CREDIT_NOTE_ISSUED = "credit_note.issued"


class BillingEvent(BaseModel):
    """One thing that billing reports. `amount` in minor units (what was paid, reversed or credited); `facts` as they stand after it."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    kind: BillingEventKind
    occurred_at: AwareDatetime
    facts: InvoiceFacts
    amount: int = 0
    reference: str = ""
