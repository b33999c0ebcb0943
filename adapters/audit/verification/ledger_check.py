"""Compare the ledger with the journal: an invoice's open balance is the one in its case's last entry, and its allocations explain it."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select
from sqlmodel import Session, SQLModel, col

from adapters.audit.verification.invoice_evidence import EVENTS_TABLE, find_invoice_faults, has_pending_event, load_stored_invoices
from adapters.audit.verification.journal_evidence import JournalEvidence, build_finding, load_evidence, split_batches
from adapters.database.row_states import AllocationCause
from adapters.database.tables import Allocation, CreditNote, Invoice, LedgerEvent, Payment, WriteOffBooking
from domain import identifiers as ids
from domain.audit.verification_report import VerificationFinding
from domain.billing.billing_events import InvoiceStatus
from domain.journal.entry_kinds import EntryKind

CLOCK_TOLERANCE = timedelta(minutes=5)
"""By so much the clocks of two machines may differ, in real time."""

MONEY_ENTRY_KINDS = (
    EntryKind.CASE_OPENED,
    EntryKind.CASE_REOPENED,
    EntryKind.CASE_CLOSED,
    EntryKind.INVOICE_CHANGED,
    EntryKind.INVOICE_CANCELLED,
    EntryKind.PAYMENT_RECEIVED,
    EntryKind.PAYMENT_REVERSED,
    EntryKind.CREDIT_NOTE_ISSUED,
    EntryKind.CREDIT_APPLIED,
    EntryKind.CREDIT_TAKEN_BACK,
    EntryKind.WRITE_OFF_BOOKED,
    EntryKind.WRITE_OFF_RECOVERED,
)
"""The entries in which an invoice's case records its open balance, in minor units, as of billing's last event."""


class AllocationSourceTable(NamedTuple):
    """A table of amounts that reduce invoices: its key, its amount, its day, and the column of allocations that names it."""

    table: str
    model: type[SQLModel]
    key: Any
    amount: Any
    day: Any
    allocation_column: Any


ALLOCATION_SOURCE_TABLES = (
    AllocationSourceTable("payments", Payment, col(Payment.id), col(Payment.amount), col(Payment.received_on), col(Allocation.payment_id)),
    AllocationSourceTable(
        "credit_notes", CreditNote, col(CreditNote.id), col(CreditNote.amount), col(CreditNote.issued_on), col(Allocation.credit_note_id)
    ),
    AllocationSourceTable(
        "write_offs",
        WriteOffBooking,
        col(WriteOffBooking.key),
        col(WriteOffBooking.amount),
        col(WriteOffBooking.written_off_on),
        col(Allocation.write_off_key),
    ),
)
_FIRST_CAUSES = (AllocationCause.RECEIVED, AllocationCause.WRITTEN_OFF)
"""The causes of what is allocated on the very day on which it came."""


class LedgerCheck:
    """Compares invoices, payments, credit notes and write-offs with the journal.

    `settled_before`: an event of billing that came later, in real time, may not have been journalled yet. Money that no invoice took is in
    no journal: that a payment was larger than its allocations, only the bank can disprove.
    """

    table, kinds = "invoices", frozenset(kind.value for kind in MONEY_ENTRY_KINDS)

    def __init__(self, session: Session, settled_before: datetime, now: datetime) -> None:
        self._session, self._settled_before, self._now = session, settled_before, now
        self._entries = defaultdict[str, list[JournalEvidence]](list)
        self._reported_invoices: set[str] = set()

    def add_evidence(self, entry: JournalEvidence) -> None:
        """Keep each invoice's entries with a balance. A case with faults of its own is no evidence."""
        invoice_id = entry.invoice_id
        if entry.kind not in self.kinds or not entry.case_is_sound or "open_balance" not in entry.facts:
            return
        if invoice_id and entry.case_id == ids.invoice_case_id(invoice_id):
            self._entries[invoice_id].append(entry)

    def check_evidence(self) -> Iterator[VerificationFinding]:
        collected, self._entries = list(self._entries.items()), defaultdict(list)
        for batch in map(dict, split_batches(collected)):
            stored = load_stored_invoices(self._session, batch)
            for invoice_id, entries in batch.items():
                if invoice_id not in stored:
                    yield self._report_invoice(entries[-1], invoice_id, "is missing")
                    continue
                open_now, open_then = stored[invoice_id].row.open_balance, entries[-1].facts["open_balance"]
                if open_now != open_then and not has_pending_event(entries, stored[invoice_id], self._settled_before):
                    what = f"has {open_now} open, and had {open_then} when its case last heard of it"
                    yield self._report_invoice(entries[-1], invoice_id, what)
                    continue
                for fault in find_invoice_faults(invoice_id, entries, stored[invoice_id], self._settled_before):
                    if fault.table != self.table or invoice_id not in self._reported_invoices:
                        self._reported_invoices.add(invoice_id)
                        yield fault

    def finish(self) -> Iterator[VerificationFinding]:
        yield from self.check_evidence()
        yield from self._find_unbalanced_invoices()
        for source in ALLOCATION_SOURCE_TABLES:
            yield from self._find_overdrawn_sources(source)
            yield from self._find_foreign_sources(source)
        yield from self._find_standing_reversals()
        yield from self._find_belated_events()

    def _find_unbalanced_invoices(self) -> Iterator[VerificationFinding]:
        """Find the invoices whose open balance is not their total less their allocations, or whose status contradicts it."""
        allocated = func.coalesce(func.sum(Allocation.amount), 0)
        is_open, is_settled = col(Invoice.status) == InvoiceStatus.OPEN, col(Invoice.settled_on).is_not(None)
        columns = (col(Invoice.id), col(Invoice.total), col(Invoice.open_balance), col(Invoice.status), col(Invoice.settled_on))
        unbalanced = (
            select(*columns, allocated.label("allocated"))
            .outerjoin(Allocation, col(Allocation.invoice_id) == col(Invoice.id))
            .group_by(*columns)
            .having(or_(col(Invoice.total) - allocated != col(Invoice.open_balance), is_open == is_settled))
            .order_by(col(Invoice.id))
        )
        for row in self._session.execute(unbalanced):
            if row.id in self._reported_invoices:
                continue
            if row.total - row.allocated == row.open_balance:
                what = f"is {row.status}, and settled on {row.settled_on or 'no day'}"
            else:
                balance = f"has {row.open_balance} open, of {row.total} less the {row.allocated} given to it"
                what = f"{balance}: a total or an allocation was changed"
            yield self._build_finding(self.table, row.id, row.id, what)

    def _find_standing_reversals(self) -> Iterator[VerificationFinding]:
        """Find the payments that are said to have bounced, and of which nothing was taken back."""
        given, least = func.sum(Allocation.amount), func.min(Allocation.amount)
        standing = (
            select(col(Payment.id), func.min(Allocation.invoice_id).label("invoice_id"))
            .join(Allocation, col(Allocation.payment_id) == col(Payment.id))
            .where(col(Payment.reversed_on).is_not(None))
            .group_by(col(Payment.id))
            .having((given > 0) & (least > 0))
        )
        for row in self._session.execute(standing.order_by(col(Payment.id))):
            what = f"is said to have bounced, and {row.invoice_id} still has what it gave"
            yield self._build_finding("payments", row.id, row.invoice_id, what)

    def _find_belated_events(self) -> Iterator[VerificationFinding]:
        """Find the events that no case has got within the hour, and those whose delivery is said to lie in the future."""
        columns = (col(LedgerEvent.event_id), col(LedgerEvent.recorded_at), col(LedgerEvent.delivered_at))
        under_way = col(LedgerEvent.delivered_at).is_(None) & (col(LedgerEvent.recorded_at) < self._settled_before)
        in_future = col(LedgerEvent.delivered_at) > self._now + CLOCK_TOLERANCE
        for row in self._session.execute(select(*columns).where(or_(under_way, in_future)).order_by(col(LedgerEvent.id))):
            if row.delivered_at is None:
                what = f"has been under way since {row.recorded_at:%Y-%m-%d %H:%M} UTC: its invoice’s case has not heard of it"
            else:
                what = f"is said to be delivered at {row.delivered_at:%Y-%m-%d %H:%M} UTC, which has not come"
            yield VerificationFinding(table=EVENTS_TABLE, key=row.event_id, what=what)

    def _find_foreign_sources(self, source: AllocationSourceTable) -> Iterator[VerificationFinding]:
        """Find the sources whose account, currency or day is not that of an invoice which took of them."""
        key, model = source.key, source.model
        account, currency = model.account_id, model.currency  # type: ignore[attr-defined]
        is_of_another_day = col(Allocation.cause).in_(_FIRST_CAUSES) & (col(Allocation.allocated_on) != source.day)
        foreign = (
            select(key.label("key"), func.min(Invoice.id).label("invoice_id"))
            .join(Allocation, source.allocation_column == key)
            .join(Invoice, col(Invoice.id) == col(Allocation.invoice_id))
            .where(or_(account != col(Invoice.account_id), currency != col(Invoice.currency), is_of_another_day))
            .group_by(key)
            .order_by(key)
        )
        for row in self._session.execute(foreign):
            if row.invoice_id not in self._reported_invoices:
                what = f"is of another account, currency or day than when {row.invoice_id} took of it"
                yield self._build_finding(source.table, row.key, row.invoice_id, what)

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
            if row.amount is not None and row.invoice_id in self._reported_invoices:
                continue
            what = "is missing" if row.amount is None else f"was of {row.amount}"
            yield self._build_finding(
                source.table, row.key, row.invoice_id, f"{what}, and invoices such as {row.invoice_id} took {row.taken} of it"
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
