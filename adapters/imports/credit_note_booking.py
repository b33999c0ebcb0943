"""Negative rows as credit notes: to the invoice that they name, else the account's unapplied credit."""

from collections.abc import Sequence

from sqlalchemy import and_, or_, select
from sqlmodel import Session, col

from adapters.database.row_states import AllocationCause
from adapters.database.tables import CreditNote, Invoice
from adapters.imports.column_sources import RowRejectedError
from adapters.imports.row_reader import ImportedInvoice
from adapters.ledger.unit_of_work import AllocationSource, BookedInvoice, LedgerUnitOfWork, load_invoices
from domain.billing.billing_events import BillingEventKind, InvoiceStatus
from domain.refusal import Refusal


def build_credit_note_id(row: ImportedInvoice) -> str:
    return f"credit_note:{row.invoice_id}" if row.has_own_id else _build_id_by_number(row)


def _build_id_by_number(row: ImportedInvoice) -> str:
    return f"credit_note:{row.account.id}:{row.number}"


class CreditNoteBooking:
    """The credit notes of one batch. Amounts in minor units, positive."""

    def __init__(self, session: Session, unit_of_work: LedgerUnitOfWork, rows: Sequence[ImportedInvoice], lock: bool) -> None:
        self._unit_of_work = unit_of_work
        ids = {build(row) for row in rows for build in (build_credit_note_id, _build_id_by_number)}
        columns = (col(CreditNote.id), col(CreditNote.account_id), col(CreditNote.currency), col(CreditNote.amount))
        found = session.connection().execute(select(*columns, col(CreditNote.issued_on)).where(col(CreditNote.id).in_(ids))) if ids else ()
        self._known = {row[0]: (tuple(row[1:4]), row[4]) for row in found}
        named = [row for row in rows if row.credits]
        by_number = and_(
            col(Invoice.account_id).in_({row.account.id for row in named}), col(Invoice.number).in_({row.credits for row in named})
        )
        is_named = or_(col(Invoice.id).in_({row.credits for row in named}), by_number)
        self._invoices: dict[str, BookedInvoice] = load_invoices(session, is_named, lock=lock) if named else {}

    def is_known(self, row: ImportedInvoice) -> bool:
        """Return true when the credit note is in the books already. Raises RowRejectedError when the row says otherwise."""
        known = self._known.get(build_credit_note_id(row))
        if known is None:
            return False
        if known[0] != self._get_money(row):
            raise RowRejectedError(
                Refusal(
                    "row.credit_note_known",
                    "the credit note {number} is in the books already, with another account, currency or amount; "
                    "what is booked of it stays: give what is new a number of its own",
                    number=repr(row.number),
                )
            )
        return True

    def find_repeated(self, row: ImportedInvoice) -> str | None:
        """Return the id under which the same account's credit note of this number, currency, amount and day is booked, though not under the
        id that the row has; None where there is none."""
        first = _build_id_by_number(row)
        return first if self._known.get(first) == (self._get_money(row), row.issue_date) else None

    def _get_money(self, row: ImportedInvoice) -> tuple[str, str, int]:
        return row.account.id, row.currency, self.get_amount(row)

    def get_amount(self, row: ImportedInvoice) -> int:
        """What of it is still to be used, as far as the file says."""
        return row.paid - row.total

    def book(self, row: ImportedInvoice, recorded_by: str) -> tuple[str, ...]:
        """Book it; what a person should look at. Raises RowRejectedError."""
        invoice, warnings = self._find_invoice(row)
        amount = self.get_amount(row)
        source = AllocationSource(build_credit_note_id(row), is_credit_note=True, reference=row.number)
        self._unit_of_work.add_row(
            CreditNote,
            id=source.id,
            account_id=row.account.id,
            currency=row.currency,
            amount=amount,
            issued_on=row.issue_date,
            reason="import",
            recorded_by=recorded_by,
        )
        share = min(amount, invoice.open_balance) if invoice else 0
        if invoice and share:
            self._unit_of_work.allocate(invoice, share, source, row.issue_date, AllocationCause.RECEIVED)
            self._unit_of_work.publish_change(invoice, BillingEventKind.CREDIT_NOTE_ISSUED, share, source.reference)
        return warnings

    def _find_invoice(self, row: ImportedInvoice) -> tuple[BookedInvoice | None, tuple[str, ...]]:
        if not row.credits:
            return None, ()
        mine = [each for each in self._invoices.values() if each.account_id == row.account.id]
        invoice = self._invoices.get(row.credits) or next((each for each in mine if each.number == row.credits), None)
        if invoice is None or invoice.account_id != row.account.id:
            unknown = Refusal(
                "row.credits_nothing",
                "credits: the account {account} has no invoice {invoice}; the amount is its unapplied credit",
                account=repr(row.account.id),
                invoice=repr(row.credits),
            )
            return None, (unknown,)
        if invoice.currency != row.currency:
            raise RowRejectedError(
                Refusal(
                    "row.credits_currency",
                    "credits: the invoice {invoice} is in {currency}, the credit note in {given}",
                    invoice=repr(row.credits),
                    currency=invoice.currency,
                    given=row.currency,
                )
            )
        if invoice.status is InvoiceStatus.CANCELLED:
            cancelled = Refusal(
                "row.credits_cancelled",
                "credits: the invoice {invoice} was cancelled; the amount is unapplied credit of its account",
                invoice=repr(row.credits),
            )
            return None, (cancelled,)
        return invoice, ()
