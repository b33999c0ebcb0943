"""The embedded billing system: payments, credit notes and changes of invoices, each written with its event in one transaction."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from adapters.database.row_states import AllocationCause
from adapters.database.tables import Account, Allocation, CreditNote, Invoice, LedgerEvent, Payment
from adapters.ledger.billing_system import (
    BillingSystem,
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    ConflictingPaymentError,
    CurrencyMismatchError,
    InvalidAmountError,
    LedgerError,
    PaymentResult,
    UnknownAccountError,
    UnknownInvoiceError,
    UnknownPaymentError,
)
from adapters.ledger.interest_charges import LedgerCharges
from adapters.ledger.queries import (
    allocate_shares,
    build_conflicting_payment_error,
    build_open_items,
    build_unknown_account_error,
    build_unknown_invoice_error,
    load_original_result,
    load_payable_invoices,
    load_reversed_shares,
    load_unapplied_sources,
    require_money,
    require_not_cancelled,
    require_positive_amount,
)
from adapters.ledger.service_changes import LedgerServices
from adapters.ledger.unit_of_work import AllocationSource, load_invoices
from adapters.ledger.write_offs import LedgerWriteOffs
from domain.billing.billing_events import BillingEvent, BillingEventKind, InvoiceFacts
from domain.billing.payment_allocation import AllocationShare, allocate_payment


class Ledger(LedgerServices, LedgerWriteOffs, LedgerCharges):
    """`at` is the business time of a change, amounts are minor units. Changes of one account take turns on either database."""

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
    ) -> PaymentResult:
        """Money came in. It pays the invoice that the payer named, otherwise the oldest; what is left recovers what was written off of
        them, and the rest is the account's unapplied credit.

        The same payment again gives the same answer and changes nothing. Raises ConflictingPaymentError, UnknownAccountError,
        UnknownInvoiceError, CurrencyMismatchError, InvalidAmountError.
        """
        require_money(amount, currency)
        content = (account_id, currency, amount, received_on, reference, invoice_id)
        try:
            with self._account_transaction(at, account_id) as (session, books):
                if (known := session.get(Payment, payment_id)) is not None:
                    told = (known.account_id, known.currency, known.amount, known.received_on, known.reference, known.invoice_id)
                    if told != content:
                        raise build_conflicting_payment_error(payment_id)
                    return load_original_result(session, amount, col(Allocation.payment_id) == payment_id)
                invoices = load_payable_invoices(books, account_id, currency, invoice_id)
                books.add_row(
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
                split = allocate_payment(amount, build_open_items(invoices, recovering=True), named_invoice_id=invoice_id)
                source = AllocationSource(payment_id, reference=reference)
                allocate_shares(books, invoices, split.shares, source, received_on, AllocationCause.RECEIVED)
                for share in split.recovered:
                    books.book_recovery(invoices[share.invoice_id], share.amount, source, received_on)
                    books.publish_change(
                        invoices[share.invoice_id], BillingEventKind.PAYMENT_RECOVERED, share.amount, reference, payment_id
                    )
                return PaymentResult(allocations=split.shares + split.recovered, unapplied=split.unapplied)
        except IntegrityError as error:
            raise build_conflicting_payment_error(payment_id) from error

    def reverse_payment(self, payment_id: str, on: date, *, at: datetime) -> tuple[AllocationShare, ...]:
        """The payment bounced: what it had paid is owed again, and what it had recovered is written off again. The same reversal again
        changes nothing. What is owed again is returned, as negative shares.

        Raises UnknownPaymentError, ConflictingPaymentError when it was reversed before on another date.
        """
        with self._database.reading() as session:
            payment = session.get(Payment, payment_id)
            account_id = payment.account_id if payment else None
        if account_id is None:
            raise UnknownPaymentError(f"there is no payment {payment_id!r}; look its id up in the account's payments")
        with self._account_transaction(at, account_id) as (session, books):
            payment = session.get_one(Payment, payment_id)
            if payment.reversed_on is not None:
                if payment.reversed_on != on:
                    raise ConflictingPaymentError(
                        f"payment {payment_id!r} was reversed on {payment.reversed_on}; a second reversal cannot be recorded"
                    )
                return load_reversed_shares(session, payment_id)
            payment.reversed_on = on
            held = [each for each in books.load_allocations(col(Allocation.payment_id) == payment_id) if each[2] > 0]
            invoices = books.load_locked_invoices(col(Invoice.id).in_([invoice_id for _, invoice_id, _ in held]))
            recovered = books.load_recovered_amounts(col(Allocation.payment_id) == payment_id)
            for source, invoice_id, amount in held:
                invoice, lost = invoices[invoice_id], min(amount, recovered.get(invoice_id, 0))
                if lost:
                    books.book_recovery(invoice, -lost, source, on)
                    books.publish_change(invoice, BillingEventKind.PAYMENT_RECOVERED, -lost, payment.reference, payment_id)
                if back := min(amount - lost, invoice.paid):
                    books.allocate(invoice, -back, source, on, AllocationCause.REVERSED)
                    books.publish_change(invoice, BillingEventKind.PAYMENT_REVERSED, back, payment.reference)
            books.write()
            return load_reversed_shares(session, payment_id)

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
    ) -> PaymentResult:
        """Part or all of an invoice is no longer owed. What exceeds its open balance is unapplied credit. Idempotent by its id.

        Raises UnknownInvoiceError, InvalidAmountError, CancelledInvoiceError, ConflictingCreditNoteError.
        """
        require_positive_amount(amount)
        with self._invoice_transaction(at, invoice_id) as (session, books, invoice):
            if (known := session.get(CreditNote, credit_note_id)) is not None:
                result = load_original_result(session, amount, col(Allocation.credit_note_id) == credit_note_id)
                elsewhere = any(share.invoice_id != invoice_id for share in result.allocations)
                if elsewhere or (known.account_id, known.amount, known.issued_on) != (invoice.account_id, amount, issued_on):
                    raise ConflictingCreditNoteError(
                        f"credit note {credit_note_id!r} was issued with other content; give this one its own id"
                    )
                return result
            require_not_cancelled([invoice])
            books.add_row(
                CreditNote,
                id=credit_note_id,
                account_id=invoice.account_id,
                currency=invoice.currency,
                amount=amount,
                issued_on=issued_on,
                reason=reason,
                recorded_by=recorded_by,
            )
            split = allocate_payment(amount, build_open_items({invoice_id: invoice}), named_invoice_id=invoice_id)
            source = AllocationSource(credit_note_id, is_credit_note=True, reference=credit_note_id)
            allocate_shares(books, {invoice_id: invoice}, split.shares, source, issued_on, AllocationCause.RECEIVED)
            return PaymentResult(allocations=split.shares, unapplied=split.unapplied)

    def change_invoice(
        self, invoice_id: str, *, due_date: date | None = None, total: int | None = None, disputed: bool | None = None, at: datetime
    ) -> InvoiceFacts:
        """New terms; what is None stays. A change that changes nothing writes nothing. Raises UnknownInvoiceError, CancelledInvoiceError,
        InvalidAmountError."""
        if total is not None and total < 0:
            raise InvalidAmountError("the total of an invoice is zero or more; issue a credit note to take money back")
        with self._invoice_transaction(at, invoice_id) as (_, books, invoice):
            require_not_cancelled([invoice])
            books.change_invoice(invoice, due_date, total, disputed, at.date())
            return invoice.to_facts()

    def cancel_invoice(self, invoice_id: str, *, recorded_by: str = "duecourse", at: datetime) -> InvoiceFacts:
        """It should never have been sent: what was paid on it becomes unapplied credit. Again: nothing. Raises UnknownInvoiceError."""
        with self._invoice_transaction(at, invoice_id) as (_, books, invoice):
            books.cancel_invoice(invoice, at.date(), recorded_by)
            return invoice.to_facts()

    def apply_unapplied_credit(self, account_id: str, currency: str, *, at: datetime) -> tuple[AllocationShare, ...]:
        """Let the account's unapplied credit pay its open invoices, oldest money and oldest invoice first. Raises UnknownAccountError."""
        with self._account_transaction(at, account_id) as (session, books):
            invoices = load_payable_invoices(books, account_id, currency, None)
            given: dict[str, int] = {}
            for _, source, left in load_unapplied_sources(session, account_id, currency):
                shares = allocate_payment(left, build_open_items(invoices)).shares
                allocate_shares(books, invoices, shares, source, at.date(), AllocationCause.APPLIED)
                for share in shares:
                    given[share.invoice_id] = given.get(share.invoice_id, 0) + share.amount
            return tuple(AllocationShare(invoice_id=invoice_id, amount=amount) for invoice_id, amount in given.items())

    def get_invoice_facts(self, invoice_id: str) -> InvoiceFacts:
        """As they stand now. Raises UnknownInvoiceError."""
        with self._database.reading() as session:
            found = load_invoices(session, col(Invoice.id) == invoice_id)
        if invoice_id not in found:
            raise build_unknown_invoice_error(invoice_id)
        return found[invoice_id].to_facts()

    def get_unapplied_credit(self, account_id: str) -> dict[str, int]:
        """By currency; currencies without any are left out. Raises UnknownAccountError."""
        with self._database.reading() as session:
            if session.get(Account, account_id) is None:
                raise build_unknown_account_error(account_id)
            credit: dict[str, int] = {}
            for currency, _, left in load_unapplied_sources(session, account_id):
                credit[currency] = credit.get(currency, 0) + left
            return credit

    def list_undelivered_events(self, limit: int) -> list[tuple[int, str, BillingEvent]]:
        """(number, invoice, event) of what no workflow has heard, in the order in which it happened to each invoice."""
        query = (
            select(col(LedgerEvent.id), col(LedgerEvent.invoice_id), col(LedgerEvent.event))
            .where(col(LedgerEvent.delivered_at).is_(None))
            .order_by(col(LedgerEvent.id))
            .limit(limit)
        )
        with self._database.reading() as session:
            return [(number or 0, invoice, BillingEvent.model_validate(event)) for number, invoice, event in session.execute(query)]

    def mark_events_delivered(self, ids: Sequence[int], at: datetime) -> None:
        """`at` is real time. What was marked before keeps its first time."""
        with self._database.writing() as session:
            mark = update(LedgerEvent).where(col(LedgerEvent.id).in_(ids), col(LedgerEvent.delivered_at).is_(None))
            session.connection().execute(mark.values(delivered_at=at))


__all__ = [
    "BillingSystem",
    "CancelledInvoiceError",
    "ConflictingBookingError",
    "ConflictingCreditNoteError",
    "ConflictingPaymentError",
    "CurrencyMismatchError",
    "InvalidAmountError",
    "Ledger",
    "LedgerError",
    "PaymentResult",
    "UnknownAccountError",
    "UnknownInvoiceError",
    "UnknownPaymentError",
]
