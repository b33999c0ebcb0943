"""Debts that are given up: booked once, never more than is open. What comes in afterwards, `record_payment` books as a recovery."""

from datetime import date, datetime

from adapters.billing.errors import CurrencyMismatchError
from adapters.billing.port import DUECOURSE
from adapters.database.row_states import AllocationCause
from adapters.database.tables import WriteOffBooking
from adapters.ledger.invoice_queries import build_conflicting_booking_error, require_positive_amount
from adapters.ledger.transactions import LedgerTransactions
from adapters.ledger.unit_of_work import AllocationSource
from domain.billing.billing_events import BillingEventKind


class WriteOffs:
    def __init__(self, transactions: LedgerTransactions) -> None:
        self._transactions = transactions

    def write_off(
        self, key: str, invoice_id: str, amount: int, currency: str, on: date, *, recorded_by: str = DUECOURSE, at: datetime
    ) -> int:
        """Give up `amount` (minor units) of an invoice, or what is open of it if that is less; what was given up, which may be nothing.

        The same key again gives the same answer and changes nothing. Raises UnknownInvoiceError, InvalidAmountError,
        CurrencyMismatchError, ConflictingBookingError.
        """
        require_positive_amount(amount)
        with self._transactions.hold_invoice(at, invoice_id) as (session, unit_of_work, invoice):
            if (known := session.get(WriteOffBooking, key)) is not None:
                if known.invoice_id != invoice_id:
                    raise build_conflicting_booking_error(key)
                return known.amount
            if invoice.currency != currency:
                raise CurrencyMismatchError(f"invoice {invoice_id!r} is in {invoice.currency}, the write-off in {currency}; decide it anew")
            given_up = min(amount, invoice.open_balance)
            unit_of_work.add_row(
                WriteOffBooking,
                key=key,
                account_id=invoice.account_id,
                invoice_id=invoice_id,
                currency=currency,
                amount=given_up,
                written_off_on=on,
                recorded_by=recorded_by,
            )
            if given_up:
                unit_of_work.allocate(invoice, given_up, AllocationSource(key, is_write_off=True), on, AllocationCause.WRITTEN_OFF)
                unit_of_work.publish_change(invoice, BillingEventKind.INVOICE_WRITTEN_OFF, given_up)
            return given_up
