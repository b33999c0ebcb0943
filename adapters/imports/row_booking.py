"""From rows to verdicts: what each row changes in the ledger, a batch in one transaction."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from secrets import token_hex

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Allocation, CreditNote, Invoice, Payment
from adapters.imports.account_batch import AccountBatch
from adapters.imports.column_sources import RowFault
from adapters.imports.row_reader import InvoiceRow
from adapters.ledger.unit_of_work import AllocationCause, BookedInvoice, Books, Source, read_invoices
from adapters.portfolio.assignments import Doing
from domain.billing.billing_events import BillingEventKind, InvoiceStatus


class Verdict(StrEnum):
    """What an import did with a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NOT_YET_ISSUED = "not_yet_issued"
    SETTLED = "settled"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Circumstances:
    """What all rows of an import share. `at` is business time; `reductions` as the mapping says."""

    business_date: date
    at: datetime
    recorded_at: datetime
    recorded_by: str
    reductions: str = "payment"


class BatchBooking:
    """The rows of one batch against the books. Nothing is written before `write`."""

    def __init__(self, session: Session, database: Database, rows: list[InvoiceRow], given: Circumstances, lock: bool) -> None:
        """Only what is new or has changed is looked up in whole."""
        self._given = given
        self._books = Books(session, given.at, given.recorded_at)
        ids = [row.invoice_id for row in rows]
        sources = select(col(Invoice.id), col(Invoice.source_sha256)).where(col(Invoice.id).in_(ids))
        self._fingerprints: dict[str, str | None] = {row[0]: row[1] for row in session.connection().execute(sources)}
        stirring = [row for row in rows if self._fingerprints.get(row.invoice_id) != row.fingerprint]
        accounts = {row.account.id for row in stirring}
        known = [row.invoice_id for row in stirring if row.invoice_id in self._fingerprints]
        if lock:
            self._books.lock_accounts(accounts)
        self._known = read_invoices(session, col(Invoice.id).in_(known), lock=lock) if known else {}
        doing = Doing(f"import:{token_hex(16)}", given.recorded_by, given.at, given.recorded_at)
        self._accounts = AccountBatch(session, database, accounts, doing)

    def book(self, row: InvoiceRow) -> Verdict:
        """Raises RowFault when the row contradicts the ledger."""
        if self._fingerprints.get(row.invoice_id) == row.fingerprint:
            return Verdict.UNCHANGED
        invoice = self._known.get(row.invoice_id)
        if invoice is None:
            return self._issue(row)
        self._check(row, invoice)
        self._accounts.see(row.account)
        self._follow(row, invoice)
        return Verdict.CHANGED

    def write(self) -> None:
        self._accounts.write()
        self._books.write()

    def _issue(self, row: InvoiceRow) -> Verdict:
        if row.issue_date > self._given.business_date:
            return Verdict.NOT_YET_ISSUED
        self._accounts.see(row.account)
        invoice = BookedInvoice(
            id=row.invoice_id, account_id=row.account.id, number=row.number, issue_date=row.issue_date, due_date=row.due_date,
            currency=row.currency, total=row.total, open_balance=row.total, disputed=bool(row.disputed), source_sha256=row.fingerprint,
            source_paid=row.paid,
        )  # fmt: skip
        self._books.open(invoice)
        if row.cancelled:
            self._books.void(invoice, row.settled_on or self._given.business_date, self._given.recorded_by)
            return Verdict.SETTLED
        if row.paid:
            self._pay(row, invoice, min(row.paid, row.total), invoice.version)
        elif not row.total:
            self._books.close(invoice, InvoiceStatus.PAID, self._day_of(row))
        if invoice.status.settled:
            return Verdict.SETTLED
        self._books.announce(invoice, BillingEventKind.INVOICE_ISSUED)
        return Verdict.NEW

    def _check(self, row: InvoiceRow, invoice: BookedInvoice) -> None:
        if invoice.account_id != row.account.id:
            raise RowFault(f"account: the invoice {invoice.id!r} belongs to the account {invoice.account_id!r}, not to {row.account.id!r}")
        if invoice.currency != row.currency:
            raise RowFault(f"currency: the invoice {invoice.id!r} is in {invoice.currency}, not in {row.currency}")
        if invoice.status is InvoiceStatus.CANCELLED and not row.cancelled:
            raise RowFault(f"the invoice {invoice.id!r} was cancelled and cannot be reopened; issue it again under a new number")

    def _follow(self, row: InvoiceRow, invoice: BookedInvoice) -> None:
        """Only what the file says anew is followed: a payment recorded here stands until the file speaks of payments itself."""
        self._books.touch(invoice)
        invoice.source_sha256, invoice.number, invoice.issue_date = row.fingerprint, row.number, row.issue_date
        if row.cancelled:
            self._books.cancel(invoice, row.settled_on or self._given.business_date, self._given.recorded_by)
            return
        said_before, invoice.source_paid = min(invoice.source_paid, invoice.total), row.paid
        self._books.change(invoice, row.due_date, row.total, row.disputed, self._given.business_date)
        says_now = min(row.paid, row.total)
        if says_now == said_before:
            return
        difference = says_now - invoice.paid
        if difference > 0:
            source, paid = self._pay(row, invoice, difference, invoice.version + 1)
            kind = BillingEventKind.CREDIT_NOTE_ISSUED if source.is_credit_note else BillingEventKind.PAYMENT_RECEIVED
            if paid:
                self._books.tell(invoice, kind, paid, source.reference)
            if difference > paid:
                self._books.recover(invoice, difference - paid, source, self._day_of(row))
                self._books.tell(invoice, BillingEventKind.PAYMENT_RECOVERED, difference - paid, source.reference, source.id)
        elif difference < 0:
            self._take_back(invoice, -difference)

    def _pay(self, row: InvoiceRow, invoice: BookedInvoice, amount: int, version: int) -> tuple[Source, int]:
        """`version` is the one that it leads to; how much of it was open is returned. What was paid beyond the total becomes unapplied
        credit when it closes the invoice."""
        on = self._day_of(row)
        is_note = self._given.reductions == "credit_note"
        source = Source(f"import:{invoice.id}:{version}", is_credit_note=is_note, reference="import")
        excess = max(row.paid - row.total, 0)
        money = {"id": source.id, "account_id": invoice.account_id, "currency": invoice.currency, "amount": amount + excess}
        if is_note:
            self._books.add(CreditNote, **money, issued_on=on, reason="import", recorded_by=self._given.recorded_by)
        else:
            self._payment(money, invoice, on)
        paid = min(amount, invoice.open_balance)
        if paid:
            self._books.allocate(invoice, paid, source, on, AllocationCause.RECEIVED)
        return source, paid

    def _take_back(self, invoice: BookedInvoice, amount: int) -> None:
        """The file does not say which payment bounced: a negative one stands against them all, recoveries first."""
        on = self._given.business_date
        source = Source(f"import:{invoice.id}:{invoice.version + 1}", reference="import")
        self._payment({"id": source.id, "account_id": invoice.account_id, "currency": invoice.currency, "amount": -amount}, invoice, on)
        lost = min(amount, self._books.recovered(col(Allocation.invoice_id) == invoice.id).get(invoice.id, 0))
        if lost:
            self._books.recover(invoice, -lost, source, on)
            self._books.tell(invoice, BillingEventKind.PAYMENT_RECOVERED, -lost, source.reference, source.id)
        if amount > lost:
            self._books.allocate(invoice, lost - amount, source, on, AllocationCause.REVERSED)
            self._books.tell(invoice, BillingEventKind.PAYMENT_REVERSED, amount - lost, source.reference)

    def _payment(self, money: dict[str, object], invoice: BookedInvoice, on: date) -> None:
        self._books.add(Payment, **money, received_on=on, invoice_id=invoice.id, reference="import", recorded_by=self._given.recorded_by)

    def _day_of(self, row: InvoiceRow) -> date:
        return row.settled_on or self._given.business_date
