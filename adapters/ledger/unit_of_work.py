"""The books of the embedded ledger inside one transaction: invoices are read and locked, changed in memory, and written back at once.

A single payment and a batch of two thousand imported rows are booked by the same rules. What always holds of an invoice:
its open balance is its total less its allocations; closed, its open balance is zero and `settled_on` is set. A write-off is allocated
like a credit note; money that comes afterwards is a recovery, which takes the write-off's place and leaves the balance as it is.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, insert, select, update
from sqlmodel import Session, SQLModel, col

from adapters.database.row_states import AllocationCause
from adapters.database.tables import (
    Account,
    Allocation,
    CreditApplicationRow,
    CreditNote,
    Invoice,
    LedgerEvent,
    Payment,
    ServiceChange,
    WriteOffBooking,
)
from domain.billing.billing_events import BillingEvent, BillingEventKind, CreditMove, InvoiceFacts, InvoiceStatus


@dataclass(slots=True)
class BookedInvoice:
    """An invoice while a transaction works on it. Amounts in minor units."""

    id: str
    account_id: str
    number: str
    issue_date: date
    due_date: date
    currency: str
    total: int
    open_balance: int
    status: InvoiceStatus = InvoiceStatus.OPEN
    disputed: bool = False
    version: int = 1
    settled_on: date | None = None
    written_off: int = 0
    charged_by: str | None = None
    source_sha256: str | None = None
    source_paid: int = 0

    @property
    def paid(self) -> int:
        """What payments and credit notes have covered."""
        return self.covered - self.written_off

    @property
    def covered(self) -> int:
        """What is no longer owed: paid, credited or written off."""
        return self.total - self.open_balance

    def to_facts(self) -> InvoiceFacts:
        return InvoiceFacts(
            version=self.version,
            due_date=self.due_date,
            currency=self.currency,
            total=self.total,
            open_balance=self.open_balance,
            status=self.status,
            disputed=self.disputed,
        )

    def to_row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _COLUMNS}


_COLUMNS = tuple(BookedInvoice.__dataclass_fields__)
_CHANGEABLE_COLUMNS = tuple(name for name in _COLUMNS if name not in ("id", "account_id", "currency"))


@dataclass(frozen=True, slots=True)
class AllocationSource:
    """The payment, credit note or write-off by which less is owed."""

    id: str
    is_credit_note: bool = False
    is_write_off: bool = False
    reference: str = ""


def load_invoices(session: Session, *conditions: ColumnElement[bool], lock: bool = False) -> dict[str, BookedInvoice]:
    """The invoices by id, oldest due date first."""
    columns = [getattr(Invoice, name) for name in _COLUMNS]
    query = select(*columns).where(*conditions).order_by(col(Invoice.due_date), col(Invoice.id))
    found = {row.id: BookedInvoice(*row) for row in session.connection().execute(query.with_for_update(key_share=True) if lock else query)}
    for invoice in found.values():
        invoice.status = InvoiceStatus(invoice.status)
    return found


class LedgerUnitOfWork:
    """One transaction's work. Nothing is in the database before `write`."""

    def __init__(self, session: Session, at: datetime, recorded_at: datetime) -> None:
        """`at` is business time, `recorded_at` real time."""
        self._session, self._connection = session, session.connection()
        self._at, self._recorded_at = at, recorded_at
        self._new_invoices: list[BookedInvoice] = []
        self._changed_invoices: dict[str, BookedInvoice] = {}
        self._rows: dict[type[SQLModel], list[dict[str, Any]]] = {table: [] for table in _INSERTED_TABLES}

    def lock_accounts(self, ids: Collection[str]) -> set[str]:
        """The accounts that exist. Whoever changes an account's money holds its row: changes of one account take turns."""
        accounts = select(col(Account.id)).where(col(Account.id).in_(sorted(ids))).order_by(col(Account.id))
        return set(self._connection.execute(accounts.with_for_update(key_share=True)).scalars())

    def load_locked_invoices(self, *conditions: ColumnElement[bool]) -> dict[str, BookedInvoice]:
        """The invoices by id, oldest due date first, held until the transaction ends."""
        return load_invoices(self._session, *conditions, lock=True)

    def add_row(self, table: type[SQLModel], **values: Any) -> None:
        self._rows[table].append(values)

    def open_invoice(self, invoice: BookedInvoice) -> None:
        """A new invoice, open with its whole total."""
        self._new_invoices.append(invoice)

    def mark_changed(self, invoice: BookedInvoice) -> None:
        """Write the invoice's fields back, without an event and without a new version."""
        self._changed_invoices[invoice.id] = invoice

    def allocate(
        self,
        invoice: BookedInvoice,
        amount: int,
        source: AllocationSource,
        on: date,
        cause: AllocationCause,
        application: str | None = None,
    ) -> None:
        """Give the invoice money, or with a negative amount take it back; its status follows. `application`: the one that it is part of."""
        self._add_allocation(invoice, amount, source, on, cause, application)
        invoice.open_balance -= amount
        if invoice.open_balance == 0:
            by_note = InvoiceStatus.CREDITED if source.is_credit_note else InvoiceStatus.PAID
            self.close_invoice(invoice, InvoiceStatus.WRITTEN_OFF if source.is_write_off else by_note, on)
        else:
            invoice.status, invoice.settled_on = InvoiceStatus.OPEN, None

    def book_recovery(self, invoice: BookedInvoice, amount: int, source: AllocationSource, on: date) -> None:
        """Money takes the place of what was written off; a negative amount gives the place back. The balance stays as it is."""
        self._add_allocation(invoice, amount, source, on, AllocationCause.RECOVERED)
        held = func.coalesce(func.sum(Allocation.amount), 0)
        booked = (
            select(col(WriteOffBooking.key), col(WriteOffBooking.amount), held)
            .outerjoin(Allocation, col(Allocation.write_off_key) == col(WriteOffBooking.key))
            .where(col(WriteOffBooking.invoice_id) == invoice.id)
            .group_by(col(WriteOffBooking.key), col(WriteOffBooking.amount))
            .order_by(col(WriteOffBooking.key))
        )
        for key, whole, holding in self._connection.execute(booked):
            moved = min(amount, int(holding)) if amount > 0 else max(amount, int(holding) - whole)
            amount -= moved
            if moved:
                self._add_allocation(invoice, -moved, AllocationSource(key, is_write_off=True), on, AllocationCause.RECOVERED)

    def load_recovered_amounts(self, *conditions: ColumnElement[bool]) -> dict[str, int]:
        """By invoice: what came in by payments after the write-off and was not taken back."""
        came = func.sum(Allocation.amount)
        query = select(col(Allocation.invoice_id), came).where(*conditions, col(Allocation.cause) == AllocationCause.RECOVERED.value)
        by_payment = query.where(col(Allocation.payment_id).is_not(None)).group_by(col(Allocation.invoice_id)).having(came > 0)
        return {invoice: int(amount) for invoice, amount in self._connection.execute(by_payment)}

    def _add_allocation(
        self,
        invoice: BookedInvoice,
        amount: int,
        source: AllocationSource,
        on: date,
        cause: AllocationCause,
        application: str | None = None,
    ) -> None:
        note, write_off = source.id if source.is_credit_note else None, source.id if source.is_write_off else None
        payment = None if note or write_off else source.id
        invoice.written_off += amount if source.is_write_off else 0
        self.add_row(
            Allocation,
            payment_id=payment,
            credit_note_id=note,
            write_off_key=write_off,
            invoice_id=invoice.id,
            amount=amount,
            allocated_on=on,
            cause=cause.value,
            application_key=application,
        )

    def close_invoice(self, invoice: BookedInvoice, status: InvoiceStatus, on: date) -> None:
        invoice.status, invoice.settled_on = status, on

    def publish_change(
        self,
        invoice: BookedInvoice,
        kind: BillingEventKind,
        amount: int = 0,
        reference: str = "",
        payment_id: str = "",
        credit: CreditMove | None = None,
    ) -> None:
        """The invoice has changed: a new version, and the event that says so."""
        invoice.version += 1
        self._changed_invoices[invoice.id] = invoice
        self.publish_event(invoice, kind, amount, reference, payment_id, credit)

    def publish_event(
        self,
        invoice: BookedInvoice,
        kind: BillingEventKind,
        amount: int = 0,
        reference: str = "",
        payment_id: str = "",
        credit: CreditMove | None = None,
    ) -> None:
        """The event's id derives from the version that it leads to."""
        event = BillingEvent(
            event_id=f"{kind}:{invoice.id}:{invoice.version}",
            kind=kind,
            occurred_at=self._at,
            facts=invoice.to_facts(),
            amount=amount,
            reference=reference,
            payment_id=payment_id,
            charged_by=invoice.charged_by or "",
            credit=credit,
        )
        self.add_row(
            LedgerEvent, event_id=event.event_id, invoice_id=invoice.id, event=event.model_dump(mode="json"), recorded_at=self._recorded_at
        )

    def load_allocations(self, *conditions: ColumnElement[bool]) -> list[tuple[AllocationSource, str, int]]:
        """(source, invoice, what it holds of it), latest first, of what the database has and is not taken back in whole."""
        held = func.sum(Allocation.amount)
        columns = (col(Allocation.payment_id), col(Allocation.credit_note_id), col(Allocation.write_off_key), col(Allocation.invoice_id))
        query = select(*columns, held).where(*conditions).group_by(*columns).having(held != 0).order_by(func.max(Allocation.id).desc())
        return [
            (
                AllocationSource(payment or note or write_off or "", is_credit_note=note is not None, is_write_off=write_off is not None),
                invoice,
                int(amount),
            )
            for payment, note, write_off, invoice, amount in self._connection.execute(query)
        ]

    def change_invoice(self, invoice: BookedInvoice, due_date: date | None, total: int | None, disputed: bool | None, on: date) -> None:
        """New terms. A total below what was paid frees the rest as unapplied credit; one above it reopens the invoice."""
        before = (invoice.due_date, invoice.total, invoice.disputed, invoice.status)
        invoice.due_date = invoice.due_date if due_date is None else due_date
        invoice.disputed = invoice.disputed if disputed is None else disputed
        if total is not None and total != invoice.total:
            covered = invoice.covered
            if covered > total:
                self._release_allocations(invoice, covered - total, on)
            invoice.total, invoice.open_balance = total, max(total - covered, 0)
            if invoice.open_balance:
                invoice.status, invoice.settled_on = InvoiceStatus.OPEN, None
            elif not invoice.status.is_settled:
                unpaid = InvoiceStatus.WRITTEN_OFF if invoice.written_off else InvoiceStatus.CREDITED
                self.close_invoice(invoice, InvoiceStatus.PAID if invoice.paid else unpaid, on)
        if (invoice.due_date, invoice.total, invoice.disputed, invoice.status) != before:
            self.publish_change(invoice, BillingEventKind.INVOICE_CHANGED)

    def cancel_invoice(self, invoice: BookedInvoice, on: date, recorded_by: str, note_id: str | None = None) -> None:
        """Its payments become unapplied credit, a write-off lapses, and a credit note takes back what was charged. `note_id`: see
        `void_invoice`."""
        if invoice.status is InvoiceStatus.CANCELLED:
            return
        if invoice.covered:
            held = self.load_allocations(col(Allocation.invoice_id) == invoice.id)
            freed = sum(amount for source, _, amount in held if not source.is_credit_note)
            self._release_allocations(invoice, freed, on)
            invoice.open_balance += freed
        credited = self.void_invoice(invoice, on, recorded_by, note_id)
        self.publish_change(invoice, BillingEventKind.INVOICE_CANCELLED, credited)

    def void_invoice(self, invoice: BookedInvoice, on: date, recorded_by: str, note_id: str | None = None) -> int:
        """Close it as cancelled, by a credit note over its open balance, which is returned. `note_id`: the credit note's, where an invoice
        may be cancelled more than once."""
        credited = invoice.open_balance
        if credited:
            note = AllocationSource(note_id or f"cancellation:{invoice.id}", is_credit_note=True)
            self.add_row(
                CreditNote,
                id=note.id,
                account_id=invoice.account_id,
                currency=invoice.currency,
                amount=credited,
                issued_on=on,
                reason="cancellation",
                recorded_by=recorded_by,
            )
            self.allocate(invoice, credited, note, on, AllocationCause.RECEIVED)
        self.close_invoice(invoice, InvoiceStatus.CANCELLED, on)
        return credited

    def _release_allocations(self, invoice: BookedInvoice, amount: int, on: date) -> None:
        """Free `amount` of what the invoice holds: write-offs, then payments, then credit notes, the latest first. The open balance is the
        caller's."""
        held = self.load_allocations(col(Allocation.invoice_id) == invoice.id)
        for source, _, holding in sorted(held, key=lambda each: (each[0].is_credit_note, not each[0].is_write_off)):
            freed = min(holding, amount)
            if freed > 0:
                amount -= freed
                self._add_allocation(invoice, -freed, source, on, AllocationCause.RELEASED)

    def write(self) -> None:
        """Send everything to the database, in the order that its foreign keys ask for."""
        if self._new_invoices:
            self._connection.execute(insert(Invoice), [invoice.to_row() for invoice in self._new_invoices])
        for table, rows in self._rows.items():
            if rows:
                self._connection.execute(insert(table), rows)
                rows.clear()
        if changed := [invoice.to_row() for invoice in self._changed_invoices.values()]:
            self._connection.execute(
                _UPDATE_INVOICES, [{"key" if name == "id" else f"new_{name}": row[name] for name in row} for row in changed]
            )
        self._new_invoices.clear()
        self._changed_invoices.clear()


_INSERTED_TABLES: tuple[type[SQLModel], ...] = (
    Payment,
    CreditNote,
    WriteOffBooking,
    ServiceChange,
    CreditApplicationRow,
    Allocation,
    LedgerEvent,
)
"""What is only ever added, in the order that foreign keys ask for."""

_UPDATE_INVOICES = (
    update(Invoice).where(col(Invoice.id) == bindparam("key")).values({name: bindparam(f"new_{name}") for name in _CHANGEABLE_COLUMNS})
)
