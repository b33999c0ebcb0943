"""The facts of an invoice and the events in which the billing system reports them. The billing system is the truth of money."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.money import Currency


class InvoiceStatus(StrEnum):
    """The status of an invoice in billing."""

    OPEN = "open"
    PAID = "paid"
    CREDITED = "credited"
    CANCELLED = "cancelled"
    WRITTEN_OFF = "written_off"

    @property
    def is_settled(self) -> bool:
        """True when nothing is open any more."""
        return self is not InvoiceStatus.OPEN


class InvoiceFacts(BaseModel):
    """An invoice at one version of billing. Amounts in minor units of `currency`."""

    model_config = ConfigDict(frozen=True)

    version: int
    due_date: date
    currency: Currency
    total: int
    open_balance: int
    status: InvoiceStatus = InvoiceStatus.OPEN
    disputed: bool = False

    @property
    def is_settled(self) -> bool:
        """True when nothing is open any more."""
        return self.status.is_settled

    def days_past_due(self, on: date) -> int:
        """Return whole days; negative before the due date, zero on it: an invoice due today is not overdue."""
        return (on - self.due_date).days


class BillingEventKind(StrEnum):
    """The kinds of billing events."""

    INVOICE_ISSUED = "invoice.issued"
    INVOICE_CHANGED = "invoice.changed"
    INVOICE_CANCELLED = "invoice.cancelled"
    PAYMENT_RECEIVED = "payment.received"
    PAYMENT_REVERSED = "payment.reversed"
    CREDIT_NOTE_ISSUED = "credit_note.issued"
    INVOICE_WRITTEN_OFF = "invoice.written_off"
    PAYMENT_RECOVERED = "payment.recovered"
    CREDIT_APPLIED = "credit.applied"
    CREDIT_TAKEN_BACK = "credit.taken_back"


class CreditMove(BaseModel):
    """Why unapplied credit came to an invoice, or was taken back: the `application` that booked it, the payment or credit note whose money
    it is, who did it (`by`; "duecourse" by the policy's rule), and of a taking back the application that it undoes, and its reason."""

    model_config = ConfigDict(frozen=True)

    application: str
    credit_id: str
    is_credit_note: bool
    by: str
    takes_back: str = ""
    reason: str = ""


class BillingEvent(BaseModel):
    """One event of billing. `amount` in minor units (paid, reversed, credited, applied, taken back, written off or recovered; a recovery
    that bounced is negative); `facts` are those after it; `occurred_at` is business time (UTC). `charged_by`: the case that charged the
    invoice, if one did. `credit`: of unapplied credit that was applied or taken back."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    kind: BillingEventKind
    occurred_at: AwareDatetime
    facts: InvoiceFacts
    amount: int = 0
    reference: str = ""
    payment_id: str = ""
    charged_by: str = ""
    credit: CreditMove | None = None

    @property
    def payment_amount(self) -> int:
        """The amount by which the customer's payments reduced the open balance, in minor units; negative when it is owed again."""
        is_payment = self.credit is None or not self.credit.is_credit_note
        is_credit_note = self.kind in (BillingEventKind.CREDIT_NOTE_ISSUED, BillingEventKind.INVOICE_CANCELLED)
        return self.balance_reduction if is_payment and not is_credit_note else 0

    @property
    def balance_reduction(self) -> int:
        """The amount by which payment or credit reduced the open balance, in minor units; negative when it is owed again."""
        match self.kind:
            case (
                BillingEventKind.PAYMENT_RECEIVED
                | BillingEventKind.CREDIT_NOTE_ISSUED
                | BillingEventKind.INVOICE_CANCELLED
                | BillingEventKind.CREDIT_APPLIED
            ):
                return self.amount
            case BillingEventKind.PAYMENT_REVERSED | BillingEventKind.CREDIT_TAKEN_BACK:
                return -self.amount
        return 0


class WriteOffRecovery(BaseModel):
    """Money that came on an invoice after it was written off, in minor units; negative when the payment bounced."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    payment_id: str
    invoice_id: str
    amount: int


class ChargePayment(BaseModel):
    """Money that came on what a case charged, in minor units; negative when the payment bounced."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    amount: int
