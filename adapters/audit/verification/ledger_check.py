"""The ledger against the journal: what is open of an invoice is what its case last heard, and what was given to it makes the difference."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select
from sqlmodel import Session, SQLModel, col

from adapters.audit.verification.journal_evidence import JournalEvidence, load_evidence, split_batches
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
"""By these an invoice's case says what is open of it, in minor units, when billing had told it last."""


class AllocationSourceTable(NamedTuple):
    """A table of what less is owed by: its key, its amount, and the column by which allocations name it."""

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
    """`settled`: what billing told later, in real time, may not have been journalled yet. Money that no invoice took stands in no journal:
    that a payment was more than its invoices took of it, only the bank can deny."""

    table, kinds = "invoices", frozenset(kind.value for kind in MONEY_ENTRY_KINDS)

    def __init__(self, session: Session, settled_before: datetime) -> None:
        self._session, self._settled_before = session, settled_before
        self._last_entries: dict[str, JournalEvidence] = {}
        self._reported_invoices: set[str] = set()

    def add_evidence(self, entry: JournalEvidence) -> None:
        """A case with faults of its own proves nothing here."""
        invoice = entry.invoice_id
        if (
            entry.kind in self.kinds
            and entry.case_is_sound
            and invoice
            and entry.case_id == ids.invoice_case_id(invoice)
            and "open_balance" in entry.facts
        ):
            self._last_entries[invoice] = entry

    def check_evidence(self) -> Iterator[VerificationFinding]:
        heard, self._last_entries = list(self._last_entries.items()), {}
        for some in map(dict, split_batches(heard)):
            rows = self._session.execute(select(col(Invoice.id), col(Invoice.open_balance)).where(col(Invoice.id).in_(some)))
            booked: dict[str, int] = {row.id: row.open_balance for row in rows}
            for invoice, entry in some.items():
                if invoice not in booked:
                    yield self._report_invoice(entry, invoice, "is missing")
                elif booked[invoice] != entry.facts["open_balance"] and not self._has_pending_event(invoice):
                    open_now, open_then = booked[invoice], entry.facts["open_balance"]
                    yield self._report_invoice(entry, invoice, f"has {open_now} open, and had {open_then} when its case last heard of it")

    def finish(self) -> Iterator[VerificationFinding]:
        yield from self.check_evidence()
        given = func.coalesce(func.sum(Allocation.amount), 0)
        uneven = (
            select(col(Invoice.id), col(Invoice.total), col(Invoice.open_balance), given.label("given"))
            .outerjoin(Allocation, col(Allocation.invoice_id) == col(Invoice.id))
            .group_by(col(Invoice.id), col(Invoice.total), col(Invoice.open_balance))
            .having(col(Invoice.total) - given != col(Invoice.open_balance))
            .order_by(col(Invoice.id))
        )
        for row in self._session.execute(uneven):
            if row.id not in self._reported_invoices:
                what = f"has {row.open_balance} open, of {row.total} less the {row.given} given to it: a total or an allocation was changed"
                yield self._build_finding(self.table, row.id, row.id, what)
        for source in ALLOCATION_SOURCE_TABLES:
            yield from self._find_overdrawn_sources(source)

    def _find_overdrawn_sources(self, source: AllocationSourceTable) -> Iterator[VerificationFinding]:
        """Of which invoices took more than there was, or that is gone. A negative payment, by which an import takes money back, the other
        way about."""
        taken, invoice = func.sum(Allocation.amount), func.min(Allocation.invoice_id)
        too_much = (source.amount >= 0) & (taken > source.amount) | (source.amount < 0) & (taken < source.amount)
        wrong = (
            select(source.allocation_column.label("key"), source.amount.label("amount"), taken.label("taken"), invoice.label("invoice_id"))
            .join_from(Allocation, source.model, source.key == source.allocation_column, isouter=True)
            .where(source.allocation_column.is_not(None))
            .group_by(source.allocation_column, source.amount)
            .having(or_(source.amount.is_(None), too_much))
            .order_by(source.allocation_column)
        )
        for row in self._session.execute(wrong):
            what = "is missing" if row.amount is None else f"was of {row.amount}"
            yield self._build_finding(
                source.table, row.key, row.invoice_id, f"{what}, and invoices such as {row.invoice_id} took {row.taken} of it"
            )

    def _has_pending_event(self, invoice: str) -> bool:
        """Billing has told something, or is about to, that the case has not written down."""
        written = {
            entry.get_text("event") for entry in load_evidence(self._session, *MONEY_ENTRY_KINDS, case_id=ids.invoice_case_id(invoice))
        }
        told = select(col(LedgerEvent.event_id), col(LedgerEvent.delivered_at)).where(col(LedgerEvent.invoice_id) == invoice)
        return any(
            event not in written and (delivered_at is None or delivered_at > self._settled_before)
            for event, delivered_at in self._session.execute(told)
        )

    def _report_invoice(self, entry: JournalEvidence, invoice: str, what: str) -> VerificationFinding:
        self._reported_invoices.add(invoice)
        return entry.build_finding(self.table, invoice, what)

    def _build_finding(self, table: str, key: str, invoice: str, what: str) -> VerificationFinding:
        """With the last entry of the invoice that speaks of its money, if its case has one."""
        last: JournalEvidence | None = None
        for entry in load_evidence(self._session, *MONEY_ENTRY_KINDS, case_id=ids.invoice_case_id(invoice)):
            last = entry
        return last.build_finding(table, key, what) if last else VerificationFinding(table=table, key=key, what=what)
