"""Payments and what is left of them: booked, taken back when they bounce, and applied later."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from adapters.billing.errors import ConflictingPaymentError, RepeatedPaymentError, UnknownPaymentError
from adapters.billing.port import DUECOURSE
from adapters.billing.results import PaymentResult
from adapters.database.row_states import AllocationCause
from adapters.database.tables import Allocation, Invoice, Payment
from adapters.ledger.invoice_queries import (
    allocate_shares,
    build_conflicting_payment_error,
    build_open_items,
    load_original_result,
    load_payable_invoices,
    load_reversed_shares,
    require_money,
)
from adapters.ledger.transactions import LedgerTransactions
from adapters.ledger.unit_of_work import AllocationSource, BookedInvoice, LedgerUnitOfWork
from domain.billing.billing_events import BillingEventKind
from domain.billing.payment_allocation import AllocationShare, allocate_payment

SETTLED_ELSEWHERE = "settled elsewhere"
"""The reference of a payment that is told by an invoice's absence from a complete list of what is open."""


class Payments:
    def __init__(self, transactions: LedgerTransactions) -> None:
        self._transactions = transactions

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
        """Money came in. It pays the invoice that the payer named, otherwise the oldest; what is left recovers what was written off of
        them, and the rest is the account's unapplied credit.

        The same payment again gives the same answer and changes nothing; the port says what else is refused.
        """
        require_money(amount, currency)
        content = (account_id, currency, amount, received_on, reference, invoice_id)
        try:
            with self._transactions.hold_account(at, account_id) as (session, unit_of_work):
                if (known := session.get(Payment, payment_id)) is not None:
                    recorded = (known.account_id, known.currency, known.amount, known.received_on, known.reference, known.invoice_id)
                    if recorded != content:
                        raise build_conflicting_payment_error(payment_id)
                    return load_original_result(session, amount, col(Allocation.payment_id) == payment_id)
                if refuse_repeated:
                    _refuse_repetition(session, account_id, currency, amount, received_on, reference)
                invoices = load_payable_invoices(unit_of_work, account_id, currency, invoice_id)
                unit_of_work.add_row(
                    Payment,
                    id=payment_id,
                    account_id=account_id,
                    currency=currency,
                    amount=amount,
                    received_on=received_on,
                    reference=reference,
                    invoice_id=invoice_id,
                    recorded_by=recorded_by,
                )
                return _allocate_new_payment(unit_of_work, invoices, AllocationSource(payment_id, reference=reference), amount, received_on)
        except IntegrityError as error:
            raise build_conflicting_payment_error(payment_id) from error

    def reverse_payment(self, payment_id: str, on: date, *, at: datetime) -> tuple[AllocationShare, ...]:
        """The payment bounced: what it had paid is owed again, and what it had recovered is written off again. The same reversal again
        changes nothing. What is owed again is returned, as negative shares.

        Raises UnknownPaymentError, ConflictingPaymentError when it was reversed before on another date.
        """
        with self._transactions.read() as session:
            payment = session.get(Payment, payment_id)
            account_id = payment.account_id if payment else None
        if account_id is None:
            raise UnknownPaymentError(f"there is no payment {payment_id!r}; look its id up in the account's payments")
        with self._transactions.hold_account(at, account_id) as (session, unit_of_work):
            payment = session.get_one(Payment, payment_id)
            if payment.reversed_on is not None:
                if payment.reversed_on != on:
                    raise ConflictingPaymentError(
                        f"payment {payment_id!r} was reversed on {payment.reversed_on}; a second reversal cannot be recorded"
                    )
                return load_reversed_shares(session, payment_id)
            payment.reversed_on = on
            held = [each for each in unit_of_work.load_allocations(col(Allocation.payment_id) == payment_id) if each[2] > 0]
            invoices = unit_of_work.load_locked_invoices(col(Invoice.id).in_([invoice_id for _, invoice_id, _ in held]))
            recovered = unit_of_work.load_recovered_amounts(col(Allocation.payment_id) == payment_id)
            for source, invoice_id, amount in held:
                invoice, lost = invoices[invoice_id], min(amount, recovered.get(invoice_id, 0))
                if lost:
                    unit_of_work.book_recovery(invoice, -lost, source, on)
                    unit_of_work.publish_change(invoice, BillingEventKind.PAYMENT_RECOVERED, -lost, payment.reference, payment_id)
                if back := min(amount - lost, invoice.paid):
                    unit_of_work.allocate(invoice, -back, source, on, AllocationCause.REVERSED)
                    unit_of_work.publish_change(invoice, BillingEventKind.PAYMENT_REVERSED, back, payment.reference)
            unit_of_work.write()
            return load_reversed_shares(session, payment_id)

    def settle_elsewhere(self, keys: Mapping[str, str], *conditions: ColumnElement[bool], recorded_by: str, on: date, at: datetime) -> int:
        """Close, in one transaction, those of these invoices that meet the conditions still: each by a payment of all that is open of it,
        which was settled elsewhere. `keys`: the payments' ids by invoice. How many were closed."""
        with self._transactions.hold_accounts_of(at, list(keys)) as unit_of_work:
            invoices = unit_of_work.load_locked_invoices(col(Invoice.id).in_(list(keys)), *conditions)
            for invoice in invoices.values():
                amount, source = invoice.open_balance, AllocationSource(keys[invoice.id], reference=SETTLED_ELSEWHERE)
                unit_of_work.add_row(
                    Payment,
                    id=source.id,
                    account_id=invoice.account_id,
                    currency=invoice.currency,
                    amount=amount,
                    received_on=on,
                    invoice_id=invoice.id,
                    reference=SETTLED_ELSEWHERE,
                    recorded_by=recorded_by,
                )
                unit_of_work.allocate(invoice, amount, source, on, AllocationCause.RECEIVED)
                unit_of_work.publish_change(invoice, BillingEventKind.PAYMENT_RECEIVED, amount, SETTLED_ELSEWHERE)
            return len(invoices)


def _allocate_new_payment(
    unit_of_work: LedgerUnitOfWork, invoices: dict[str, BookedInvoice], source: AllocationSource, amount: int, on: date
) -> PaymentResult:
    split = allocate_payment(amount, build_open_items(invoices, recovering=True))
    allocate_shares(unit_of_work, invoices, split.shares, source, on, AllocationCause.RECEIVED)
    for share in split.recovered:
        _book_recovered_share(unit_of_work, invoices[share.invoice_id], share, source, on)
    return PaymentResult(allocations=split.shares + split.recovered, unapplied=split.unapplied)


def _refuse_repetition(session: Session, account_id: str, currency: str, amount: int, received_on: date, reference: str) -> None:
    """Raises RepeatedPaymentError when such a payment is booked, and has not bounced."""
    same = (
        col(Payment.account_id) == account_id,
        col(Payment.currency) == currency,
        col(Payment.amount) == amount,
        col(Payment.received_on) == received_on,
        col(Payment.reference) == reference,
        col(Payment.reversed_on).is_(None),
    )
    first = session.execute(select(col(Payment.id)).where(*same).order_by(col(Payment.id)).limit(1)).scalar_one_or_none()
    if first is not None:
        named = f"with the reference {reference!r}" if reference else "without a reference"
        raise RepeatedPaymentError(
            f"the payment {first!r} of the account {account_id!r} has the same amount and day, {named}; nothing was booked. "
            "If this is another payment, say so with 'another': true",
            first,
        )


def _book_recovered_share(
    unit_of_work: LedgerUnitOfWork, invoice: BookedInvoice, share: AllocationShare, source: AllocationSource, on: date
) -> None:
    """Money takes the place of what was written off of the invoice, and its case is notified."""
    unit_of_work.book_recovery(invoice, share.amount, source, on)
    unit_of_work.publish_change(invoice, BillingEventKind.PAYMENT_RECOVERED, share.amount, source.reference, source.id)
