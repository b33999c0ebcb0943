"""The protocols by which Duecourse speaks to a billing system: what it reads, what it books, and what it is told.

A caller takes the narrowest protocol that does its work. `at` is the business time of a change (a datetime with its zone), amounts are
minor units of the currency named. Every booking is made once: its key or id, given again with the same content, gives the same answer and
changes nothing. Every method may raise a BillingError, and UnsupportedOperationError where the system lacks the capability.
`adapters/ledger`, the embedded system, satisfies these, and `RoutedBilling` (`adapters/connections/`), which asks it or a connected system.
A connected system satisfies `connector.py`, and not this: see "Where would X go?" in docs/architecture.md, docs/decisions/0021 and 0054.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from adapters.billing.results import (
    CreditApplication,
    OnUnreadable,
    OpenInvoice,
    PaymentResult,
    PendingEvent,
    RecordedPayment,
    UnappliedSource,
)
from domain.billing.billing_events import InvoiceFacts
from domain.billing.credit_application import CreditShare
from domain.billing.payment_allocation import AllocationShare
from domain.case.billing_results import SuspensionOrderOutcome

DUECOURSE = "duecourse"
"""Who books, where neither a person nor a case is named."""


class BillingCapability(StrEnum):
    """What a billing system may or may not be able to do, by the name of the method. Invoices it always lets be read, and it always tells
    its events."""

    LIST_OPEN_INVOICES = "list_open_invoices"
    LIST_PAYMENTS = "list_payments"
    GET_UNAPPLIED_CREDIT = "get_unapplied_credit"
    RECORD_PAYMENT = "record_payment"
    REVERSE_PAYMENT = "reverse_payment"
    APPLY_UNAPPLIED_CREDIT = "apply_unapplied_credit"
    APPLY_CREDIT = "apply_credit"
    TAKE_BACK_APPLICATION = "take_back_application"
    LIST_UNAPPLIED_SOURCES = "list_unapplied_sources"
    LIST_CREDIT_APPLICATIONS = "list_credit_applications"
    LIST_APPLICABLE_CREDIT = "list_applicable_credit"
    ISSUE_CREDIT_NOTE = "issue_credit_note"
    CHANGE_INVOICE = "change_invoice"
    CANCEL_INVOICE = "cancel_invoice"
    SUSPEND_ACCOUNT = "suspend_account"
    REINSTATE_ACCOUNT = "reinstate_account"
    SET_PREPAID = "set_prepaid"
    WRITE_OFF = "write_off"
    CHARGE_INTEREST = "charge_interest"


class InvoiceReader(Protocol):
    def get_invoice_facts(self, invoice_id: str) -> InvoiceFacts:
        """Return the invoice as it stands now. Raises UnknownInvoiceError."""
        ...


class UnappliedCreditReader(Protocol):
    def list_unapplied_credit(self, account_ids: Collection[str]) -> dict[tuple[str, str], int]:
        """Return what no invoice has taken of the payments and credit notes of these accounts, by account and currency; only what is more
        than nothing. A system that knows of none returns none."""
        ...

    def get_unapplied_credit(self, account_id: str) -> dict[str, int]:
        """Return what no invoice has taken of the account's payments and credit notes, in minor units by currency; an empty dict where
        there is none. Raises UnknownAccountError."""
        ...


class AccountReader(UnappliedCreditReader, Protocol):
    """The money of one account. Each method raises UnknownAccountError."""

    def list_open_invoices(self, account_id: str) -> tuple[OpenInvoice, ...]:
        """Return the invoices of which something is owed, the oldest due date first."""
        ...

    def list_payments(self, account_id: str) -> tuple[RecordedPayment, ...]:
        """Return every payment, the first received first."""
        ...


class PaymentBooker(Protocol):
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
        refuse_repeated: bool = False,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> PaymentResult:
        """Book money that came in. It pays the invoice that the payer named, otherwise the oldest; what is left recovers what was written
        off of them, and the rest is the account's unapplied credit. `refuse_repeated`: unless one of the same account, reference, amount,
        currency and day is booked under another id, and has not bounced.

        Raises RepeatedPaymentError, ConflictingPaymentError, UnknownAccountError, UnknownInvoiceError, CurrencyMismatchError,
        InvalidAmountError.
        """
        ...

    def reverse_payment(self, payment_id: str, on: date, *, at: datetime) -> tuple[AllocationShare, ...]:
        """Take back a payment that bounced, and return what is owed again, as negative shares.

        Raises UnknownPaymentError, ConflictingPaymentError when it was reversed before on another date.
        """
        ...


class UnappliedCreditBooker(UnappliedCreditReader, Protocol):
    def apply_unapplied_credit(self, account_id: str, currency: str, *, at: datetime) -> tuple[AllocationShare, ...]:
        """Let the account's unapplied credit pay its open invoices, the oldest money and the oldest invoice first; what each took.

        Again: nothing, until there is credit again. Raises UnknownAccountError.
        """
        ...

    def list_unapplied_sources(self, account_id: str) -> tuple[UnappliedSource, ...]:
        """Return the payments and credit notes of which something is left, the oldest first. Raises UnknownAccountError."""
        ...

    def list_credit_applications(self, account_id: str) -> tuple[CreditApplication, ...]:
        """Return what was applied and what was taken back, the latest first. Raises UnknownAccountError."""
        ...

    def apply_credit(
        self,
        account_id: str,
        currency: str,
        shares: Sequence[CreditShare] | None = None,
        *,
        key: str | None = None,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> CreditApplication:
        """Apply these shares of the account's unapplied credit; None: all of it, the oldest credit first to the oldest due first. Without
        a `key` it is a booking of its own; where nothing can be applied, nothing is booked, and the application is empty.

        Raises UnknownAccountError, UnknownCreditError, UnknownInvoiceError, CurrencyMismatchError, InvalidAmountError,
        ExcessiveCreditError, ConflictingBookingError.
        """
        ...

    def take_back_application(
        self, key: str, application: str, reason: str, *, recorded_by: str = DUECOURSE, at: datetime
    ) -> CreditApplication:
        """Undo an application: its invoices owe what it gave again, as far as they still have it, and it is unapplied credit again.

        Raises UnknownApplicationError, ApplicationTakenBackError, ConflictingBookingError when nothing of it is left.
        """
        ...


class ApplicableCreditReader(Protocol):
    def list_applicable_credit(self) -> dict[tuple[str, str], int]:
        """Return the unapplied credit of all accounts that have an open invoice in its currency, by account and currency. A system that
        knows of none returns none."""
        ...


class CreditNoteBooker(Protocol):
    def issue_credit_note(
        self,
        credit_note_id: str,
        invoice_id: str,
        amount: int,
        issued_on: date,
        reason: str = "",
        *,
        within_open_balance: bool = False,
        credited_before: int | None = None,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> PaymentResult:
        """Credit part or all of an invoice. What exceeds its open balance is unapplied credit; or is refused (`within_open_balance`).
        `credited_before`: it is refused if `recorded_by` has credited by hand another amount of the invoice by now.

        Raises UnknownInvoiceError, InvalidAmountError, CancelledInvoiceError, ConflictingCreditNoteError, ExcessiveCreditError,
        ConcurrentCreditError.
        """
        ...


class InvoiceChanger(Protocol):
    def change_invoice(
        self, invoice_id: str, *, due_date: date | None = None, total: int | None = None, disputed: bool | None = None, at: datetime
    ) -> InvoiceFacts:
        """Give the invoice new terms; what is None stays. Raises UnknownInvoiceError, CancelledInvoiceError, InvalidAmountError."""
        ...

    def cancel_invoice(self, invoice_id: str, *, recorded_by: str = DUECOURSE, at: datetime) -> InvoiceFacts:
        """Cancel it: what was paid on it becomes unapplied credit. Raises UnknownInvoiceError."""
        ...


class ServiceController(Protocol):
    """Each method raises UnknownAccountError; those with a key raise ConflictingBookingError."""

    def suspend_account(
        self,
        key: str,
        account_id: str,
        invoice_ids: Sequence[str],
        minimums: Mapping[str, int],
        *,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> SuspensionOrderOutcome:
        """Turn the service off, if in this moment at least one of the invoices is in arrears: past due, with an undisputed rest of at
        least the minimum of its currency (`minimums`, minor units; 1 for a currency that is not there).

        The same key gives the same answer, whatever has happened since.
        """
        ...

    def reinstate_account(self, key: str, account_id: str, *, recorded_by: str = DUECOURSE, at: datetime) -> None:
        """Turn the service on again."""
        ...

    def set_prepaid(self, account_id: str, prepaid: bool, *, at: datetime) -> None:
        """Serve the account in advance of its money, or after."""
        ...


class WriteOffBooker(Protocol):
    def write_off(
        self, key: str, invoice_id: str, amount: int, currency: str, on: date, *, recorded_by: str = DUECOURSE, at: datetime
    ) -> int:
        """Give up `amount` of an invoice, or what is open of it if that is less; what was given up, which may be nothing.

        Raises UnknownInvoiceError, InvalidAmountError, CurrencyMismatchError, ConflictingBookingError.
        """
        ...


class InterestCharger(Protocol):
    def charge_interest(self, key: str, account_id: str, amount: int, currency: str, on: date, *, charged_by: str, at: datetime) -> str:
        """Charge interest that falls due `on`, as an invoice of its own; the invoice's id. `charged_by` is the case that hears of its
        payment. The account's unapplied credit pays it at once.

        Raises UnknownAccountError, InvalidAmountError, CurrencyMismatchError, ConflictingBookingError.
        """
        ...


class EventOutbox(Protocol):
    """What billing tells: an event waits until it is acknowledged, so that none is lost; it may come twice."""

    def list_pending_events(self, limit: int, on_unreadable: OnUnreadable | None = None) -> list[PendingEvent]:
        """Return what has not been acknowledged, at most `limit`, in the order in which it happened to each invoice. An event that cannot
        be read is left out, and `on_unreadable` is told of it; without that, it raises."""
        ...

    def acknowledge_events(self, cursors: Sequence[str], at: datetime) -> None:
        """Take note that these were delivered. `at` is real time. What was acknowledged before keeps its first time."""
        ...


class CaseBilling(InvoiceReader, CreditNoteBooker, InvoiceChanger, ServiceController, WriteOffBooker, InterestCharger, Protocol):
    """What the cases order."""


class ApiBilling(
    InvoiceReader, AccountReader, PaymentBooker, UnappliedCreditBooker, CreditNoteBooker, InvoiceChanger, ServiceController, Protocol
):
    """What people and machines order over the API."""


class CreditRuleBilling(ApplicableCreditReader, UnappliedCreditBooker, Protocol):
    """What the policies' rule for unapplied credit asks and orders."""


class BillingSystem(CaseBilling, ApiBilling, AccountReader, ApplicableCreditReader, EventOutbox, Protocol):
    """The whole port."""

    @property
    def capabilities(self) -> frozenset[BillingCapability]:
        """What the system can do. For anything else it raises UnsupportedOperationError."""
        ...
