"""What the ledger looks up, and what it refuses."""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import ColumnElement, func, or_, select
from sqlmodel import Session, col

from adapters.billing.errors import (
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingPaymentError,
    CurrencyMismatchError,
    ExcessiveCreditError,
    InvalidAmountError,
    UnknownAccountError,
    UnknownInvoiceError,
)
from adapters.billing.results import PaymentResult, UnappliedSource
from adapters.database.row_states import AllocationCause
from adapters.database.tables import Allocation, CreditNote, Invoice, Payment
from adapters.ledger.unit_of_work import AllocationSource, BookedInvoice, LedgerUnitOfWork
from domain.billing.billing_events import BillingEventKind, InvoiceStatus
from domain.billing.payment_allocation import AllocationShare, OpenItem
from domain.money import CURRENCIES, Money


def load_payable_invoices(unit_of_work: LedgerUnitOfWork, account_id: str, currency: str, named: str | None) -> dict[str, BookedInvoice]:
    """The invoices that money can go to, open or written off: the named one alone, or all of the account in the currency.

    Raises UnknownInvoiceError, CurrencyMismatchError.
    """
    if named is None:
        mine = (col(Invoice.account_id) == account_id, col(Invoice.currency) == currency)
        return unit_of_work.load_locked_invoices(*mine, or_(col(Invoice.status) == InvoiceStatus.OPEN.value, col(Invoice.written_off) > 0))
    found = unit_of_work.load_locked_invoices(col(Invoice.id) == named)
    invoice = found.get(named)
    if invoice is None or invoice.account_id != account_id:
        raise UnknownInvoiceError(f"account {account_id!r} has no invoice {named!r}; leave the invoice out to pay the oldest first")
    if invoice.currency != currency:
        raise CurrencyMismatchError(f"invoice {named!r} is in {invoice.currency}, the money in {currency}; record it without an invoice")
    return found


def load_unapplied(session: Session, account_id: str, currency: str | None = None) -> list[UnappliedSource]:
    """The payments and credit notes of which no invoice took all, the oldest money first."""
    left: list[UnappliedSource] = []
    for table, allocated_to in ((Payment, col(Allocation.payment_id)), (CreditNote, col(Allocation.credit_note_id))):
        is_note = table is CreditNote
        day = col(CreditNote.issued_on) if is_note else col(Payment.received_on)
        text = col(CreditNote.id) if is_note else col(Payment.reference)
        taken = func.coalesce(func.sum(Allocation.amount), 0)
        query = (
            select(col(table.id), col(table.currency), col(table.amount), col(table.amount) - taken, day, text)
            .outerjoin(Allocation, allocated_to == col(table.id))
            .where(col(table.account_id) == account_id)
            .group_by(col(table.currency), day, col(table.id), text, col(table.amount))
            .having(col(table.amount) - taken > 0)
        )
        if currency is not None:
            query = query.where(col(table.currency) == currency)
        if not is_note:
            query = query.where(col(Payment.reversed_on).is_(None))
        left += [
            UnappliedSource(key, is_note, money, amount, int(rest), of, reference)
            for key, money, amount, rest, of, reference in session.execute(query)
        ]
    return sorted(left, key=lambda each: (each.came_on, each.is_credit_note, each.credit_id))


def load_unapplied_sources(session: Session, account_id: str, currency: str) -> list[tuple[AllocationSource, int]]:
    """(payment or credit note, what no invoice took of it), oldest money first."""
    return [
        (AllocationSource(each.credit_id, is_credit_note=each.is_credit_note, reference=each.reference), each.left)
        for each in load_unapplied(session, account_id, currency)
    ]


def build_open_items(invoices: dict[str, BookedInvoice], recovering: bool = False) -> list[OpenItem]:
    """What each can take; of what was written off only when `recovering`, for that takes a payment."""
    return [
        OpenItem(
            invoice_id=each.id, due_date=each.due_date, open_balance=each.open_balance, written_off=each.written_off if recovering else 0
        )
        for each in invoices.values()
    ]


def allocate_shares(
    unit_of_work: LedgerUnitOfWork,
    invoices: dict[str, BookedInvoice],
    shares: Sequence[AllocationShare],
    source: AllocationSource,
    on: date,
    cause: AllocationCause,
) -> None:
    """Let each invoice take its share, and tell it so."""
    kind = BillingEventKind.CREDIT_NOTE_ISSUED if source.is_credit_note else BillingEventKind.PAYMENT_RECEIVED
    for share in shares:
        invoice = invoices[share.invoice_id]
        unit_of_work.allocate(invoice, share.amount, source, on, cause)
        unit_of_work.publish_change(invoice, kind, share.amount, source.reference)


def load_original_result(session: Session, amount: int, source: ColumnElement[bool]) -> PaymentResult:
    """The answer that the payment or credit note got when it came."""
    shares = _load_shares(session, source, AllocationCause.RECEIVED, AllocationCause.RECOVERED)
    shares = tuple(share for share in shares if share.amount > 0)
    return PaymentResult(allocations=shares, unapplied=amount - sum(share.amount for share in shares))


def load_reversed_shares(session: Session, payment_id: str) -> tuple[AllocationShare, ...]:
    """What the payment's reversal took back: negative shares."""
    return _load_shares(session, col(Allocation.payment_id) == payment_id, AllocationCause.REVERSED)


def _load_shares(session: Session, source: ColumnElement[bool], *causes: AllocationCause) -> tuple[AllocationShare, ...]:
    query = select(col(Allocation.invoice_id), col(Allocation.amount)).where(
        source, col(Allocation.cause).in_([cause.value for cause in causes])
    )
    return tuple(
        AllocationShare(invoice_id=invoice, amount=amount) for invoice, amount in session.execute(query.order_by(col(Allocation.id)))
    )


def require_money(amount: int, currency: str) -> None:
    """Raises InvalidAmountError, CurrencyMismatchError."""
    require_positive_amount(amount)
    if currency not in CURRENCIES:
        raise CurrencyMismatchError(f"{currency!r} is not an ISO 4217 currency code; write three capital letters such as EUR")


def require_positive_amount(amount: int) -> None:
    """Raises InvalidAmountError."""
    if amount <= 0:
        raise InvalidAmountError("an amount is more than zero, in minor units; to take a payment back, reverse it")


def require_not_cancelled(invoices: Iterable[BookedInvoice]) -> None:
    """Raises CancelledInvoiceError."""
    for invoice in invoices:
        if invoice.status is InvoiceStatus.CANCELLED:
            raise CancelledInvoiceError(f"invoice {invoice.id!r} is cancelled and takes no change; issue a new invoice instead")


def require_open_balance(invoice: BookedInvoice, amount: int) -> None:
    """`amount` in minor units of the invoice's currency. Raises ExcessiveCreditError."""
    if amount > invoice.open_balance:
        owed = Money(minor=invoice.open_balance, currency=invoice.currency).major
        raise ExcessiveCreditError(f"invoice {invoice.id!r} owes no more than {invoice.currency} {owed} by now; credit no more than that")


def build_unknown_invoice_error(invoice_id: str) -> UnknownInvoiceError:
    return UnknownInvoiceError(f"there is no invoice {invoice_id!r}; import it first, or check its number")


def build_unknown_account_error(account_id: str) -> UnknownAccountError:
    return UnknownAccountError(f"there is no account {account_id!r}; it comes with the import of its first invoice")


def build_conflicting_booking_error(key: str) -> ConflictingBookingError:
    return ConflictingBookingError(f"the key {key!r} was used before for something else; give this booking a key of its own")


def build_conflicting_payment_error(payment_id: str) -> ConflictingPaymentError:
    return ConflictingPaymentError(f"payment {payment_id!r} was recorded before with other content; give this one an id of its own")
