"""Compare the ledger with the journal: an invoice's open balance is the one in its case's last entry, and its allocations explain it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select
from sqlmodel import Session, SQLModel, col

from adapters.audit.verification.journal_evidence import JournalEvidence, build_finding, load_evidence, split_batches
from adapters.database.tables import Allocation, CreditNote, Invoice, LedgerEvent, Payment, WriteOffBooking
from domain import identifiers as ids
from domain.audit.verification_report import VerificationFinding
from domain.journal.entry_kinds import EntryKind

MONEY_ENTRY_KINDS = (
    EntryKind.CASE_OPENED,
    EntryKind.CASE_REOPENED,
    EntryKind.CASE_CLOSED,
    EntryKind.INVOICE_CHANGED,
    EntryKind.INVOICE_CANCELLED,
    EntryKind.PAYMENT_RECEIVED,
    EntryKind.PAYMENT_REVERSED,
    EntryKind.CREDIT_NOTE_ISSUED,
    EntryKind.WRITE_OFF_BOOKED,
)
"""The entries in which an invoice's case records its open balance, in minor units, as of billing's last event."""


class AllocationSourceTable(NamedTuple):
    """A table of amounts that reduce invoices: its key, its amount, and the column of allocations that names it."""

    table: str
    model: type[SQLModel]
    key: Any
    amount: Any
    allocation_column: Any


ALLOCATION_SOURCE_TABLES = (
    AllocationSourceTable("payments", Payment, col(Payment.id), col(Payment.amount), col(Allocation.payment_id)),
    AllocationSourceTable("credit_notes", CreditNote, col(CreditNote.id), col(CreditNote.amount), col(Allocation.credit_note_id)),
    AllocationSourceTable(
        "write_offs", WriteOffBooking, col(WriteOffBooking.key), col(WriteOffBooking.amount), col(Allocation.write_off_key)
    ),
)


class LedgerCheck:
    """Compares invoices, payments, credit notes and write-offs with the journal.

    `settled_before`: an event of billing that came later, in real time, may not have been journalled yet. Money that no invoice took is in
    no journal: that a payment was larger than its allocations, only the bank can disprove.
    """

    table, kinds = "invoices", frozenset(kind.value for kind in MONEY_ENTRY_KINDS)

    def __init__(self, session: Session, settled_before: datetime) -> None:
        self._session, self._settled_before = session, settled_before
        self._last_entries: dict[str, JournalEvidence] = {}
        self._reported_invoices: set[str] = set()

    def add_evidence(self, entry: JournalEvidence) -> None:
        """Keep each invoice's last entry with a balance. A case with faults of its own is no evidence."""
        invoice_id = entry.invoice_id
        if entry.kind not in self.kinds or not entry.case_is_sound or "open_balance" not in entry.facts:
            return
        if invoice_id and entry.case_id == ids.invoice_case_id(invoice_id):
            self._last_entries[invoice_id] = entry

    def check_evidence(self) -> Iterator[VerificationFinding]:
        last_entries, self._last_entries = list(self._last_entries.items()), {}
        for batch in map(dict, split_batches(last_entries)):
            rows = self._session.execute(select(col(Invoice.id), col(Invoice.open_balance)).where(col(Invoice.id).in_(batch)))
            booked: dict[str, int] = {row.id: row.open_balance for row in rows}
            for invoice_id, entry in batch.items():
                if invoice_id not in booked:
                    yield self._report_invoice(entry, invoice_id, "is missing")
                elif booked[invoice_id] != entry.facts["open_balance"] and not self._has_pending_event(invoice_id):
                    open_now, open_then = booked[invoice_id], entry.facts["open_balance"]
                    yield self._report_invoice(
                        entry, invoice_id, f"has {open_now} open, and had {open_then} when its case last heard of it"
                    )

    def finish(self) -> Iterator[VerificationFinding]:
        yield from self.check_evidence()
        allocated = func.coalesce(func.sum(Allocation.amount), 0)
        unbalanced = (
            select(col(Invoice.id), col(Invoice.total), col(Invoice.open_balance), allocated.label("allocated"))
            .outerjoin(Allocation, col(Allocation.invoice_id) == col(Invoice.id))
            .group_by(col(Invoice.id), col(Invoice.total), col(Invoice.open_balance))
            .having(col(Invoice.total) - allocated != col(Invoice.open_balance))
            .order_by(col(Invoice.id))
        )
        for row in self._session.execute(unbalanced):
            if row.id not in self._reported_invoices:
                balance = f"has {row.open_balance} open, of {row.total} less the {row.allocated} given to it"
                what = f"{balance}: a total or an allocation was changed"
                yield self._build_finding(self.table, row.id, row.id, what)
        for source in ALLOCATION_SOURCE_TABLES:
            yield from self._find_overdrawn_sources(source)

    def _find_overdrawn_sources(self, source: AllocationSourceTable) -> Iterator[VerificationFinding]:
        """Find the sources that are missing, or from which invoices took more than their amount; a negative payment, by which an import
        takes money back, is compared the other way round."""
        taken, any_invoice = func.sum(Allocation.amount), func.min(Allocation.invoice_id)
        too_much = (source.amount >= 0) & (taken > source.amount) | (source.amount < 0) & (taken < source.amount)
        overdrawn = (
            select(
                source.allocation_column.label("key"), source.amount.label("amount"), taken.label("taken"), any_invoice.label("invoice_id")
            )
            .join_from(Allocation, source.model, source.key == source.allocation_column, isouter=True)
            .where(source.allocation_column.is_not(None))
            .group_by(source.allocation_column, source.amount)
            .having(or_(source.amount.is_(None), too_much))
            .order_by(source.allocation_column)
        )
        for row in self._session.execute(overdrawn):
            what = "is missing" if row.amount is None else f"was of {row.amount}"
            yield self._build_finding(
                source.table, row.key, row.invoice_id, f"{what}, and invoices such as {row.invoice_id} took {row.taken} of it"
            )

    def _has_pending_event(self, invoice_id: str) -> bool:
        """Return true when billing has an event that was delivered lately, or not yet, and that the case has not journalled."""
        entries = load_evidence(self._session, *MONEY_ENTRY_KINDS, case_id=ids.invoice_case_id(invoice_id))
        journalled = {entry.get_text("event") for entry in entries}
        events = select(col(LedgerEvent.event_id), col(LedgerEvent.delivered_at)).where(col(LedgerEvent.invoice_id) == invoice_id)
        return any(
            event not in journalled and (delivered_at is None or delivered_at > self._settled_before)
            for event, delivered_at in self._session.execute(events)
        )

    def _report_invoice(self, entry: JournalEvidence, invoice_id: str, what: str) -> VerificationFinding:
        self._reported_invoices.add(invoice_id)
        return entry.build_finding(self.table, invoice_id, what)

    def _build_finding(self, table: str, key: str, invoice_id: str, what: str) -> VerificationFinding:
        """Build a finding with the last entry of the invoice that records its balance, if its case has one."""
        last_entry: JournalEvidence | None = None
        for entry in load_evidence(self._session, *MONEY_ENTRY_KINDS, case_id=ids.invoice_case_id(invoice_id)):
            last_entry = entry
        return build_finding(last_entry, table, key, what)
