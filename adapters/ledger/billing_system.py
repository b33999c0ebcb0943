"""What Duecourse asks of a billing system, and how it refuses. The embedded ledger and a connector to a real one both keep to it."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from domain.billing.billing_events import BillingEvent, InvoiceFacts
from domain.billing.payment_allocation import AllocationShare
from domain.case.billing_results import SuspensionOrderOutcome


class LedgerError(Exception):
    """A change of the books that cannot be made. The sentence says what to do; nothing was written."""


class UnknownInvoiceError(LedgerError):
    """No such invoice, or not of the account that was named."""


class UnknownAccountError(LedgerError):
    """No such account."""


class UnknownPaymentError(LedgerError):
    """No such payment."""


class CurrencyMismatchError(LedgerError):
    """Money in one currency for an invoice in another, or no currency at all."""


class ConflictingPaymentError(LedgerError):
    """The id of a payment or its reversal was used before, for something else."""


class ConflictingCreditNoteError(LedgerError):
    """The id of a credit note was used before, for something else."""


class ConflictingBookingError(LedgerError):
    """The key of a write-off, a charge or a change of service was used before, for something else."""


class InvalidAmountError(LedgerError):
    """An amount that is no amount of money received, credited or charged."""


class CancelledInvoiceError(LedgerError):
    """A cancelled invoice takes no change."""


class PaymentResult(BaseModel):
    """What became of a payment or a credit note. `allocations`, which may recover what was written off, and `unapplied` add up to it, in
    minor units."""

    model_config = ConfigDict(frozen=True)

    allocations: tuple[AllocationShare, ...]
    unapplied: int


class BillingSystem(Protocol):
    """`at` is business time, amounts are minor units of the currency named. Every method may raise a LedgerError."""

    def record_payment(
        self,
        payment_id: str,
        account_id: str,
        currency: str,
        amount: int,
        received_on: date,
        reference: str = "",
        invoice_id: str | None = None,
        *,
        recorded_by: str = "duecourse",
        at: datetime,
    ) -> PaymentResult: ...

    def reverse_payment(self, payment_id: str, on: date, *, at: datetime) -> tuple[AllocationShare, ...]: ...

    def issue_credit_note(
        self,
        credit_note_id: str,
        invoice_id: str,
        amount: int,
        issued_on: date,
        reason: str = "",
        *,
        recorded_by: str = "duecourse",
        at: datetime,
    ) -> PaymentResult: ...

    def change_invoice(
        self, invoice_id: str, *, due_date: date | None = None, total: int | None = None, disputed: bool | None = None, at: datetime
    ) -> InvoiceFacts: ...

    def cancel_invoice(self, invoice_id: str, *, at: datetime) -> InvoiceFacts: ...

    def apply_unapplied_credit(self, account_id: str, currency: str, *, at: datetime) -> tuple[AllocationShare, ...]: ...

    def write_off(
        self, key: str, invoice_id: str, amount: int, currency: str, on: date, *, recorded_by: str = "duecourse", at: datetime
    ) -> int: ...

    def charge_interest(self, key: str, account_id: str, amount: int, currency: str, on: date, *, charged_by: str, at: datetime) -> str: ...

    def suspend_account(
        self,
        key: str,
        account_id: str,
        invoice_ids: Sequence[str],
        minimum: Callable[[str], int],
        *,
        recorded_by: str = "duecourse",
        at: datetime,
    ) -> SuspensionOrderOutcome: ...

    def reinstate_account(self, key: str, account_id: str, *, recorded_by: str = "duecourse", at: datetime) -> None: ...

    def get_invoice_facts(self, invoice_id: str) -> InvoiceFacts: ...

    def get_unapplied_credit(self, account_id: str) -> dict[str, int]: ...

    def list_undelivered_events(self, limit: int) -> list[tuple[int, str, BillingEvent]]: ...

    def mark_events_delivered(self, ids: Sequence[int], at: datetime) -> None: ...
