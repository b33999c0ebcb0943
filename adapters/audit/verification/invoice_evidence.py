"""Compare an invoice's row, its events and its allocations with the entries in which its case recorded what billing reported."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, cast, select
from sqlmodel import Session, col

from adapters.audit.verification.journal_evidence import JournalEvidence, parse_json_object
from adapters.database.row_states import AllocationCause
from adapters.database.tables import Allocation, Invoice, LedgerEvent, Payment
from domain.audit.verification_report import VerificationFinding
from domain.billing.billing_events import BillingEventKind, InvoiceStatus
from domain.digits import parse_digits

INVOICES_TABLE, EVENTS_TABLE = "invoices", "ledger_events"
_FACT_COLUMNS = ("version", "due_date", "currency", "total", "open_balance", "status", "disputed")
_ENTRY_FACTS = ("open_balance", "status", "due_date")
_PAYMENTS, _CREDIT_NOTES, _WRITE_OFFS = "payments", "credit_notes", "write_offs"
_MOVES = {
    BillingEventKind.PAYMENT_RECEIVED: (_PAYMENTS, 1),
    BillingEventKind.PAYMENT_RECOVERED: (_PAYMENTS, 1),
    BillingEventKind.PAYMENT_REVERSED: (_PAYMENTS, -1),
    BillingEventKind.CREDIT_NOTE_ISSUED: (_CREDIT_NOTES, 1),
    BillingEventKind.INVOICE_CANCELLED: (_CREDIT_NOTES, 1),
    BillingEventKind.INVOICE_WRITTEN_OFF: (_WRITE_OFFS, 1),
}
"""The table of what each kind of event says was given to the invoice, and the sign of its amount."""

_CREDIT_SIGNS = {BillingEventKind.CREDIT_APPLIED: 1, BillingEventKind.CREDIT_TAKEN_BACK: -1}
"""Of unapplied credit the event says itself whether it is a payment's or a credit note's."""


class StoredEvent(NamedTuple):
    """An event of billing as it is stored. `delivered_at` is real time."""

    event_id: str
    content: Mapping[str, Any]
    delivered_at: datetime | None

    @property
    def facts(self) -> Mapping[str, Any]:
        facts = self.content.get("facts")
        return facts if isinstance(facts, dict) else {}

    @property
    def version(self) -> int:
        version = self.facts.get("version")
        return version if isinstance(version, int) else 0

    @property
    def is_for_invoice(self) -> bool:
        """Whether the invoice's case journals it: its beginning is none of its news, and money on what a case charged or wrote off goes to
        that case."""
        kind = self.content.get("kind")
        return kind not in (BillingEventKind.INVOICE_ISSUED, BillingEventKind.PAYMENT_RECOVERED) and not self.content.get("charged_by")

    def may_be_unheard(self, settled_before: datetime) -> bool:
        """Whether its case may not have journalled it yet: it is under way, or was delivered within the hour."""
        return self.delivered_at is None or self.delivered_at > settled_before


class GivenShare(NamedTuple):
    """An allocation: the table and key of its source, the amount in minor units, negative where it was taken back, and a payment's
    reference."""

    table: str
    key: str
    amount: int
    reference: str


class StoredInvoice(NamedTuple):
    """All that billing's tables have of an invoice."""

    row: Any
    events: Sequence[StoredEvent]
    shares: Sequence[GivenShare]


def load_stored_invoices(session: Session, invoice_ids: Collection[str]) -> dict[str, StoredInvoice]:
    """Load the invoices that are there, with their events in order of their numbers; the allocations that an event told of."""
    columns = [getattr(Invoice, name) for name in ("id", "account_id", *_FACT_COLUMNS)]
    rows = session.execute(select(*columns).where(col(Invoice.id).in_(invoice_ids))).all()
    events = defaultdict[str, list[StoredEvent]](list)
    stored = select(
        col(LedgerEvent.invoice_id),
        col(LedgerEvent.event_id),
        cast(col(LedgerEvent.event), Text),
        col(LedgerEvent.delivered_at),
    )
    for invoice_id, event_id, content, delivered_at in session.execute(
        stored.where(col(LedgerEvent.invoice_id).in_(invoice_ids)).order_by(col(LedgerEvent.id))
    ):
        events[invoice_id].append(StoredEvent(event_id, parse_json_object(content), delivered_at))
    shares = _load_shares(session, invoice_ids)
    return {row.id: StoredInvoice(row, events[row.id], shares[row.id]) for row in rows}


def _load_shares(session: Session, invoice_ids: Collection[str]) -> dict[str, list[GivenShare]]:
    """Load the allocations by invoice. Left out: what an import booked with the invoice itself, what a change of terms released, and what
    a recovery took of a write-off: no event has their amounts."""
    columns = (
        col(Allocation.invoice_id),
        col(Allocation.payment_id),
        col(Allocation.credit_note_id),
        col(Allocation.write_off_key),
        col(Allocation.amount),
        col(Allocation.cause),
        col(Payment.reference),
    )
    statement = select(*columns).outerjoin(Payment, col(Payment.id) == col(Allocation.payment_id))
    shares = defaultdict[str, list[GivenShare]](list)
    for invoice_id, payment, note, write_off, amount, cause, reference in session.execute(
        statement.where(col(Allocation.invoice_id).in_(invoice_ids), col(Allocation.cause) != AllocationCause.RELEASED)
    ):
        table, key = (_PAYMENTS, payment) if payment else (_CREDIT_NOTES, note) if note else (_WRITE_OFFS, write_off or "")
        is_recovered_from = write_off and cause == AllocationCause.RECOVERED
        if key != f"import:{invoice_id}:1" and not is_recovered_from:
            shares[invoice_id].append(GivenShare(table, key, amount, reference or ""))
    return shares


def has_pending_event(entries: Sequence[JournalEvidence], stored: StoredInvoice, settled_before: datetime) -> bool:
    """Return true when billing has an event that was delivered lately, or not yet, and that the invoice's case has not journalled."""
    told = {entry.get_text("event") for entry in entries}
    return any(event.event_id not in told and event.may_be_unheard(settled_before) for event in stored.events)


def find_invoice_faults(
    invoice_id: str, entries: Sequence[JournalEvidence], stored: StoredInvoice, settled_before: datetime
) -> Iterator[VerificationFinding]:
    """Find what contradicts the entries of the invoice's case, which are in their order; the most telling first."""
    told = {event_id: entry for entry in entries if (event_id := entry.get_text("event"))}
    is_settling = has_pending_event(entries, stored, settled_before)
    last = max(entries, key=lambda entry: (_parse_version(entry), entry.seq))
    faults = list(_find_event_faults(invoice_id, told, last, stored, settled_before))
    what = _compare_with_entries(stored.row, entries[0], None if is_settling else last)
    if what is None and not faults:
        what = _compare_with_events(stored)
    if what:
        faults.insert(0, last.build_finding(INVOICES_TABLE, invoice_id, what))
    yield from faults or _compare_shares(invoice_id, last, stored)


def _find_event_faults(
    invoice_id: str, told: Mapping[str, JournalEvidence], last: JournalEvidence, stored: StoredInvoice, settled_before: datetime
) -> Iterator[VerificationFinding]:
    """Find the events that are not what their entries made of them, and those that no entry was made of. `told`: the entries by event."""
    for event_id, entry in told.items():
        if _is_made_while_delivering(event_id, invoice_id):
            continue
        event = next((event for event in stored.events if event.event_id == event_id), None)
        if what := _compare_event(event, entry):
            yield entry.build_finding(EVENTS_TABLE, event_id, what)
    for event in stored.events:
        if event.event_id not in told and event.is_for_invoice and not event.may_be_unheard(settled_before):
            what = "is said to have been delivered, and its invoice’s case never heard of it"
            yield last.build_finding(EVENTS_TABLE, event.event_id, what)


def _compare_with_entries(row: Any, first: JournalEvidence, last: JournalEvidence | None) -> str | None:
    """Say how the invoice's row contradicts its case's first entry, or the last that has terms; that is None while one is to come."""
    if row.account_id != first.account_id:
        return f"is not of the account {row.account_id}"
    if first.facts.get("currency") not in (None, row.currency):
        return f"is said to be in {row.currency}, and is in {first.facts['currency']}"
    if last is None or _parse_version(last) not in (0, row.version):
        return None
    if last.facts.get("due_date") not in (None, row.due_date.isoformat()):
        return f"is said to be due on {row.due_date}, and is due on {last.facts['due_date']}"
    owed = InvoiceStatus.OPEN.value if last.facts.get("open_balance") else None
    status = last.facts.get("status") or last.facts.get("outcome") or owed
    return f"is said to be {row.status}, and is {status}" if status not in (None, row.status) else None


def _compare_with_events(stored: StoredInvoice) -> str | None:
    """Say how the invoice's row contradicts the last of its events; an invoice may have none."""
    event = max(stored.events, key=lambda event: event.version, default=None)
    if event is None:
        return None
    values = {name: getattr(stored.row, name) for name in _FACT_COLUMNS} | {"due_date": stored.row.due_date.isoformat()}
    different = next((name for name in _FACT_COLUMNS if event.facts.get(name) != values[name]), None)
    return f"has the {different} {values[different]}, and {event.facts.get(different)} by its last event" if different else None


def _compare_event(event: StoredEvent | None, entry: JournalEvidence) -> str | None:
    """Say how an event contradicts the entry that was made of it."""
    if event is None:
        return "is missing"
    kept = {name: event.facts.get(name) for name in _ENTRY_FACTS} | {name: event.content.get(name) for name in ("amount", "reference")}
    for name, value in kept.items():
        if name in entry.facts and entry.facts[name] != value:
            return f"has the {name} {value}, and had {entry.facts[name]}"
    return None


def _compare_shares(invoice_id: str, last: JournalEvidence, stored: StoredInvoice) -> Iterator[VerificationFinding]:
    """Find the payments, credit notes and write-offs of which the events tell otherwise."""
    told, given = Counter[tuple[str, int, str]](), Counter[tuple[str, int, str]]()
    for event in stored.events:
        move = _find_move(event)
        if move and (amount := event.content.get("amount")):
            table, sign = move
            told[table, sign * amount, str(event.content.get("reference") or "") if table == _PAYMENTS else ""] += 1
    for share in stored.shares:
        given[share.table, share.amount, share.reference] += 1
    for table, amount, reference in given - told:
        key = next(share.key for share in stored.shares if (share.table, share.amount, share.reference) == (table, amount, reference))
        yield last.build_finding(table, key, f"gave {amount} to {invoice_id}, and its events tell otherwise")
    if not given - told:
        for table, amount, _ in told - given:
            yield last.build_finding(INVOICES_TABLE, invoice_id, f"got {amount} by its events, which none of its {table} gave")


def _find_move(event: StoredEvent) -> tuple[str, int] | None:
    """Return the table of what the event says was given to the invoice, and the sign of its amount; None where nothing was."""
    credit = event.content.get("credit")
    sign = _CREDIT_SIGNS.get(event.content.get("kind"))  # type: ignore[arg-type]
    if sign and isinstance(credit, dict):
        return (_CREDIT_NOTES if credit.get("is_credit_note") else _PAYMENTS), sign
    return _MOVES.get(event.content.get("kind"))  # type: ignore[arg-type]


def _is_made_while_delivering(event_id: str, invoice_id: str) -> bool:
    """Whether it is no event of the ledger's: a settlement that the case had missed, or the beginning of a charge that is left over."""
    return event_id.startswith(f"settled:{invoice_id}:") or event_id == f"{BillingEventKind.INVOICE_ISSUED}:{invoice_id}"


def _parse_version(entry: JournalEvidence) -> int:
    """Return the version that the entry's event led to, which its id ends with after the invoice's; 0 for an entry without one."""
    event, _, version = entry.get_text("event").rpartition(":")
    return (parse_digits(version) or 0) if event.endswith(f":{entry.invoice_id}") else 0


__all__ = ["StoredEvent", "StoredInvoice", "find_invoice_faults", "load_stored_invoices"]
