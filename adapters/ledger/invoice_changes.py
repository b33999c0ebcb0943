"""Invoices that are owed less, or otherwise: credit notes, new terms and cancellations."""

from datetime import date, datetime

from sqlmodel import col

from adapters.billing.errors import ConcurrentCreditError, ConflictingCreditNoteError, InvalidAmountError
from adapters.billing.port import DUECOURSE
from adapters.billing.results import PaymentResult
from adapters.database.credits_by_hand import sum_credits_by_hand
from adapters.database.row_states import AllocationCause
from adapters.database.tables import Allocation, CreditNote
from adapters.ledger.invoice_queries import (
    allocate_shares,
    build_open_items,
    load_original_result,
    require_not_cancelled,
    require_open_balance,
    require_positive_amount,
)
from adapters.ledger.transactions import LedgerTransactions
from adapters.ledger.unit_of_work import AllocationSource
from domain.billing.billing_events import InvoiceFacts
from domain.billing.payment_allocation import allocate_payment


class InvoiceChanges:
    def __init__(self, transactions: LedgerTransactions) -> None:
        self._transactions = transactions

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
        """Part or all of an invoice is no longer owed. What exceeds its open balance is unapplied credit, unless it is refused
        (`within_open_balance`). Idempotent by its id. The port says what else is refused.
        """
        require_positive_amount(amount)
        with self._transactions.hold_invoice(at, invoice_id) as (session, unit_of_work, invoice):
            if (known := session.get(CreditNote, credit_note_id)) is not None:
                result = load_original_result(session, amount, col(Allocation.credit_note_id) == credit_note_id)
                elsewhere = any(share.invoice_id != invoice_id for share in result.allocations)
                if elsewhere or (known.account_id, known.amount, known.issued_on) != (invoice.account_id, amount, issued_on):
                    raise ConflictingCreditNoteError(
                        f"credit note {credit_note_id!r} was issued with other content; give this one its own id"
                    )
                return result
            require_not_cancelled([invoice])
            if within_open_balance:
                require_open_balance(invoice, amount)
            if credited_before is not None and sum_credits_by_hand(session, invoice_id, recorded_by) != credited_before:
                raise ConcurrentCreditError(f"{recorded_by} has credited invoice {invoice_id} once more in this moment; send this again")
            unit_of_work.add_row(
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
            allocate_shares(unit_of_work, {invoice_id: invoice}, split.shares, source, issued_on, AllocationCause.RECEIVED)
            return PaymentResult(allocations=split.shares, unapplied=split.unapplied)

    def change_invoice(
        self, invoice_id: str, *, due_date: date | None = None, total: int | None = None, disputed: bool | None = None, at: datetime
    ) -> InvoiceFacts:
        """New terms; what is None stays. A change that changes nothing writes nothing. Raises UnknownInvoiceError, CancelledInvoiceError,
        InvalidAmountError."""
        if total is not None and total < 0:
            raise InvalidAmountError("the total of an invoice is zero or more; issue a credit note to take money back")
        with self._transactions.hold_invoice(at, invoice_id) as (_, unit_of_work, invoice):
            require_not_cancelled([invoice])
            unit_of_work.change_invoice(invoice, due_date, total, disputed, at.date())
            return invoice.to_facts()

    def cancel_invoice(self, invoice_id: str, *, recorded_by: str = DUECOURSE, at: datetime) -> InvoiceFacts:
        """It should never have been sent: what was paid on it becomes unapplied credit. Again: nothing. Raises UnknownInvoiceError."""
        with self._transactions.hold_invoice(at, invoice_id) as (_, unit_of_work, invoice):
            unit_of_work.cancel_invoice(invoice, at.date(), recorded_by)
            return invoice.to_facts()
