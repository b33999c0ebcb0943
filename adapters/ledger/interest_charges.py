"""What a case charges an account: the interest of a payment plan, as an invoice of its own.

See docs/decisions/0011-interest-of-a-plan-is-an-invoice-of-its-own.md.
"""

from datetime import date, datetime

from sqlmodel import col

from adapters.database.row_states import AllocationCause
from adapters.database.tables import Invoice
from adapters.ledger.invoice_queries import (
    allocate_shares,
    build_conflicting_booking_error,
    build_open_items,
    load_unapplied_sources,
    require_money,
)
from adapters.ledger.transactions import LedgerTransactions
from adapters.ledger.unit_of_work import BookedInvoice
from domain.billing.payment_allocation import allocate_payment


class InterestCharges:
    def __init__(self, transactions: LedgerTransactions) -> None:
        self._transactions = transactions

    def charge_interest(self, key: str, account_id: str, amount: int, currency: str, on: date, *, charged_by: str, at: datetime) -> str:
        """Charge interest that falls due `on`; the invoice's id. `charged_by` is the case that hears of its payment.

        The account's unapplied credit pays it at once: who pays an instalment in advance has paid its interest. The same key again changes
        nothing. Raises UnknownAccountError, InvalidAmountError, CurrencyMismatchError, ConflictingBookingError.
        """
        require_money(amount, currency)
        invoice_id = f"interest:{key}"
        with self._transactions.hold_account(at, account_id) as (session, unit_of_work):
            known = unit_of_work.load_locked_invoices(col(Invoice.id) == invoice_id).get(invoice_id)
            if known is not None:
                if (known.account_id, known.currency, known.charged_by) != (account_id, currency, charged_by):
                    raise build_conflicting_booking_error(key)
                return invoice_id
            invoice = BookedInvoice(
                id=invoice_id,
                account_id=account_id,
                number=invoice_id,
                issue_date=on,
                due_date=on,
                currency=currency,
                total=amount,
                open_balance=amount,
                charged_by=charged_by,
            )
            unit_of_work.open_invoice(invoice)
            for source, left in load_unapplied_sources(session, account_id, currency):
                shares = allocate_payment(left, build_open_items({invoice_id: invoice})).shares
                allocate_shares(unit_of_work, {invoice_id: invoice}, shares, source, on, AllocationCause.APPLIED)
            return invoice_id
