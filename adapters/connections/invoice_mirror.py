"""The mirror of connected systems: what they say of invoices and credit, booked into the tables that letters, lists and cases read.

It books as an import of a file does, in the ledger's unit of work, so that the same holds of every invoice whatever its origin, and each
change has the event that tells it. An invoice is taken in once as it stands: the same again changes nothing, and one that was read before
another reading of it began is older than what is there, and is left.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from adapters.billing.external_key import ExternalKey, SystemKey
from adapters.billing.external_records import ExternalInvoice, Settlement, SettlementKind
from adapters.connections.settlement_balance import balance_settlements
from adapters.database.row_states import AllocationCause
from adapters.database.tables import Allocation, CreditNote, ExternalInvoiceRow, Invoice, Payment, WriteOffBooking
from adapters.ledger.unit_of_work import AllocationSource, BookedInvoice, LedgerUnitOfWork
from domain.billing.billing_events import BillingEventKind, InvoiceStatus

_SOURCE_TABLES: dict[SettlementKind, type[Payment | CreditNote | WriteOffBooking]] = {
    SettlementKind.PAYMENT: Payment,
    SettlementKind.CREDIT_NOTE: CreditNote,
    SettlementKind.WRITE_OFF: WriteOffBooking,
}
_EVENT_KINDS = {
    SettlementKind.PAYMENT: BillingEventKind.PAYMENT_RECEIVED,
    SettlementKind.CREDIT_NOTE: BillingEventKind.CREDIT_NOTE_ISSUED,
    SettlementKind.WRITE_OFF: BillingEventKind.INVOICE_WRITTEN_OFF,
}
_CANCELLATION = "cancellation:"


@dataclass(frozen=True)
class MirrorContext:
    """What all that is mirrored in one transaction shares. `at` is business time; `read_at` the real time at which reading began."""

    system: SystemKey
    at: datetime
    read_at: datetime

    @property
    def on(self) -> date:
        return self.at.date()

    def build_id(self, external_id: str) -> str:
        """Raises ExternalKeyError."""
        return ExternalKey.build(self.system, external_id).id


class InvoiceMirror:
    """The invoices of one transaction. Nothing is written before the unit of work is."""

    def __init__(self, session: Session, unit_of_work: LedgerUnitOfWork, context: MirrorContext, external_ids: Collection[str]) -> None:
        """The accounts of the invoices are held already."""
        self._session, self._unit_of_work, self._context = session, unit_of_work, context
        ids = [context.build_id(external_id) for external_id in external_ids]
        self._known = unit_of_work.load_locked_invoices(col(Invoice.id).in_(ids)) if ids else {}
        rows = session.execute(select(ExternalInvoiceRow).where(col(ExternalInvoiceRow.invoice_id).in_(ids))).scalars() if ids else ()
        self._rows = {row.invoice_id: row for row in rows}
        self._kept: dict[str, SettlementKind] = {}
        self._lapsed: list[str] = []
        self.moved: dict[str, str] = {}
        """By the system's id: invoices that have another customer or currency there, and what is to be done about them."""

    def take_in(self, invoice: ExternalInvoice) -> bool:
        """Return whether anything was changed by it. One that is settled and was never seen here is left out: nothing is to be
        collected. One that became another customer's, or is owed in another currency, is asked for no more: see `moved`."""
        invoice_id = self._context.build_id(invoice.external_id)
        row, known = self._rows.get(invoice_id), self._known.get(invoice_id)
        if known is None and invoice.status.is_settled:
            return False
        moved = self._find_move(known, invoice) if known else ""
        if moved and not invoice.status.is_settled:
            self.moved[invoice.external_id] = moved
        if row is not None and (row.read_at >= self._context.read_at or row.fingerprint == _fingerprint(invoice)):
            return False
        booked = known or self._open(invoice_id, invoice)
        self._note(invoice_id, invoice, row)
        if invoice.status is InvoiceStatus.CANCELLED or (moved and not (booked.status.is_settled and invoice.status.is_settled)):
            self._cancel(booked)
            return True
        if moved:
            return False
        self._take_back(booked, balance_settlements(invoice))
        self._unit_of_work.change_invoice(booked, invoice.due_date, invoice.total, None, self._context.on)
        self._settle(booked, invoice, is_new=known is None)
        if known is None:
            self._unit_of_work.publish_event(booked, BillingEventKind.INVOICE_ISSUED)
        return True

    def _find_move(self, known: BookedInvoice, invoice: ExternalInvoice) -> str:
        """What an invoice was opened with stays: whoever has it there now, or owes it in other money, was never asked for it here."""
        if known.account_id != self._context.build_id(invoice.account_id):
            return "another customer there; chase it by hand"
        return "" if known.currency == invoice.currency else "another currency there; chase it by hand"

    def take_gone(self, external_id: str) -> bool:
        """Return whether anything was changed by it: an invoice that is no longer in the system asks for nothing any more. Should it come
        again, it is taken in as it stands then."""
        invoice_id = self._context.build_id(external_id)
        row, known = self._rows.get(invoice_id), self._known.get(invoice_id)
        if known is None or row is None or row.read_at >= self._context.read_at or known.status.is_settled:
            return False
        row.fingerprint, row.read_at = "", self._context.read_at
        self._cancel(known)
        return True

    def _cancel(self, booked: BookedInvoice) -> None:
        """It may be reopened there, and cancelled again: each cancellation has a credit note of its own."""
        note = f"{_CANCELLATION}{booked.id}:{booked.version}"
        self._unit_of_work.cancel_invoice(booked, self._context.on, self._context.system.system, note)

    def finish(self) -> None:
        """After the unit of work was written: what pays several invoices is as much as they have of it, and a cancellation that was taken
        back leaves nothing to be applied."""
        for note_id in self._lapsed:
            self._session.execute(update(CreditNote).where(col(CreditNote.id) == note_id).values(amount=0))
        self._grow(Payment, SettlementKind.PAYMENT, col(Allocation.payment_id))
        self._grow(CreditNote, SettlementKind.CREDIT_NOTE, col(Allocation.credit_note_id))

    def _grow(self, table: type[Payment | CreditNote], kind: SettlementKind, allocated_to: Any) -> None:
        ids, held = [source_id for source_id, each in self._kept.items() if each is kind], func.sum(Allocation.amount)
        query = select(col(table.id), held).join(Allocation, allocated_to == col(table.id)).where(col(table.id).in_(ids))
        short = query.group_by(col(table.id), col(table.amount)).having(col(table.amount) < held)
        for source_id, amount in self._session.execute(short).all() if ids else ():
            self._session.execute(update(table).where(col(table.id) == source_id).values(amount=int(amount)))

    def _open(self, invoice_id: str, invoice: ExternalInvoice) -> BookedInvoice:
        booked = BookedInvoice(
            id=invoice_id,
            account_id=self._context.build_id(invoice.account_id),
            number=invoice.number,
            issue_date=invoice.issue_date,
            due_date=invoice.due_date,
            currency=invoice.currency,
            total=invoice.total,
            open_balance=invoice.total,
        )
        self._known[invoice_id] = booked
        self._unit_of_work.open_invoice(booked)
        return booked

    def _note(self, invoice_id: str, invoice: ExternalInvoice, row: ExternalInvoiceRow | None) -> None:
        """What the system says beside the money, and as what it was taken in."""
        row = row or ExternalInvoiceRow(
            invoice_id=invoice_id,
            system=self._context.system.system,
            company=self._context.system.company,
            external_id=invoice.external_id,
            read_at=self._context.read_at,
        )
        row.version, row.fingerprint, row.read_at = invoice.version, _fingerprint(invoice), self._context.read_at
        row.reference, row.payment_link, row.ledger_currency = invoice.reference, invoice.payment_link, invoice.ledger_currency
        row.due_parts = [[part.due_date.isoformat(), part.amount, part.open_amount] for part in invoice.due_parts]
        self._rows[invoice_id] = row
        self._session.add(row)

    def _list_held(self, booked: BookedInvoice) -> dict[str, tuple[AllocationSource, int]]:
        held = self._unit_of_work.load_allocations(col(Allocation.invoice_id) == booked.id)
        return {source.id: (source, amount) for source, _, amount in held}

    def _take_back(self, booked: BookedInvoice, wanted: Sequence[Settlement]) -> None:
        """What the system no longer says of the invoice is owed again: a payment that bounced or was assigned elsewhere, a credit note that
        was taken off it."""
        amounts = {self._context.build_id(each.external_id): each.amount for each in wanted}
        for source, held in self._list_held(booked).values():
            if source.id.startswith(_CANCELLATION):
                self._lapsed.append(source.id)
            if (gone := held - amounts.get(source.id, 0)) > 0:
                is_payment = not (source.is_credit_note or source.is_write_off)
                cause = AllocationCause.REVERSED if is_payment else AllocationCause.RELEASED
                self._unit_of_work.allocate(booked, -gone, source, self._context.on, cause)
                kind = BillingEventKind.PAYMENT_REVERSED if is_payment else BillingEventKind.INVOICE_CHANGED
                self._unit_of_work.publish_change(
                    booked, kind, gone if is_payment else 0, source.reference, source.id if is_payment else ""
                )

    def _settle(self, booked: BookedInvoice, invoice: ExternalInvoice, *, is_new: bool) -> None:
        """What came since, the earliest first, so that the latest is what closes it."""
        held = self._list_held(booked) if not is_new else {}
        for settlement in balance_settlements(invoice):
            source_id = self._context.build_id(settlement.external_id)
            came = settlement.amount - (held[source_id][1] if source_id in held else 0)
            came = min(came, booked.open_balance)
            if came <= 0:
                continue
            source = AllocationSource(
                source_id,
                is_credit_note=settlement.kind is SettlementKind.CREDIT_NOTE,
                is_write_off=settlement.kind is SettlementKind.WRITE_OFF,
                reference=settlement.reference,
            )
            self._keep_source(booked, settlement, source_id)
            cause = AllocationCause.WRITTEN_OFF if source.is_write_off else AllocationCause.RECEIVED
            self._unit_of_work.allocate(booked, came, source, settlement.settled_on, cause)
            if not is_new:
                is_payment = settlement.kind is SettlementKind.PAYMENT
                self._unit_of_work.publish_change(
                    booked, _EVENT_KINDS[settlement.kind], came, settlement.reference, source_id if is_payment else ""
                )

    def _keep_source(self, booked: BookedInvoice, settlement: Settlement, source_id: str) -> None:
        """The payment, credit note or write-off itself. One that is there already was unapplied until now, or pays several invoices."""
        table = _SOURCE_TABLES[settlement.kind]
        is_there = source_id in self._kept or self._session.get(table, source_id) is not None
        self._kept[source_id] = settlement.kind
        if is_there:
            return
        money = {"account_id": booked.account_id, "currency": booked.currency, "amount": settlement.amount}
        by = self._context.system.system
        match settlement.kind:
            case SettlementKind.PAYMENT:
                on = settlement.settled_on
                self._unit_of_work.add_row(Payment, id=source_id, **money, received_on=on, reference=settlement.reference, recorded_by=by)
            case SettlementKind.CREDIT_NOTE:
                self._unit_of_work.add_row(CreditNote, id=source_id, **money, issued_on=settlement.settled_on, recorded_by=by)
            case SettlementKind.WRITE_OFF:
                self._unit_of_work.add_row(
                    WriteOffBooking, key=source_id, **money, invoice_id=booked.id, written_off_on=settlement.settled_on, recorded_by=by
                )


def _fingerprint(invoice: ExternalInvoice) -> str:
    """Of what it says, whatever its version: a system may count the printing of an invoice as a change."""
    return hashlib.sha256(repr(invoice._replace(version="")).encode()).hexdigest()
