"""What the sample's customers owe, morning by morning, as a bookkeeper would say it: from bookings, agreements and disputes, none of the
project's rules."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Allocation, CreditNote, Invoice, JournalEntry, Payment
from tests.letters_report import ReportedLetter

MINIMUM = 500
"""In cents of each of the sample's currencies: less is not chased."""
NOT_ASKED = {"dispute", "promise", "payment_plan", "pause", "credit_review", "write_off"}
"""For what an invoice is let alone, or stands apart in a letter. A suspension takes nothing out of what is owed."""


class Morning(NamedTuple):
    """When letters go: what may be asked for, by account and currency and then by number, and the unapplied credit; in cents."""

    owed: Mapping[tuple[str, str], Mapping[str, int]]
    credit: Mapping[tuple[str, str], int]


class SampleBooks:
    """`note_morning` is called when the day's letters have gone, and nothing else has happened yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mornings: dict[date, Morning] = {}

    def note_morning(self, day: date) -> None:
        with self._database.reading() as session:
            self._mornings[day] = Morning(_list_owed(session, day), _sum_credit(session))

    def list_numbers(self, account: str) -> Sequence[str]:
        with self._database.reading() as session:
            return list(session.scalars(select(col(Invoice.number)).where(col(Invoice.account_id) == account)))

    def list_owed(self, letter: ReportedLetter) -> Mapping[str, Decimal]:
        owed = self._mornings[letter.on].owed.get((letter.account, letter.currency), {})
        return {number: Decimal(cents) / 100 for number, cents in owed.items()}

    def find_credit(self, letter: ReportedLetter) -> Decimal:
        return Decimal(self._mornings[letter.on].credit.get((letter.account, letter.currency), 0)) / 100


def _list_owed(session: Session, day: date) -> dict[tuple[str, str], dict[str, int]]:
    booked = dict(
        session.execute(select(col(Allocation.invoice_id), func.sum(col(Allocation.amount))).group_by(col(Allocation.invoice_id))).all()
    )
    agreements, disputed = _list_agreements(session), _sum_disputed(session)
    owed: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for invoice in session.scalars(select(Invoice).where(col(Invoice.due_date) < day, col(Invoice.status) == "open")):
        balance = invoice.total - int(booked.get(invoice.id) or 0)
        rest = balance - disputed[invoice.id]
        if balance >= MINIMUM and rest > 0 and not agreements[invoice.id] & NOT_ASKED:
            owed[invoice.account_id, invoice.currency][invoice.number] = rest
    return owed


def _list_agreements(session: Session) -> dict[str, set[str]]:
    """Why each invoice is let alone, as its journal has it."""
    active: dict[str, dict[str, str]] = defaultdict(dict)
    entries = select(JournalEntry).where(col(JournalEntry.kind).in_(("hold.placed", "hold.lifted")))
    for entry in session.scalars(entries.order_by(col(JournalEntry.case_id), col(JournalEntry.seq))):
        if entry.kind == "hold.placed":
            active[entry.invoice_id or ""][entry.facts["hold"]] = entry.facts["hold_kind"]
        else:
            active[entry.invoice_id or ""].pop(entry.facts["hold"], None)
    return defaultdict(set, {invoice: set(kinds.values()) for invoice, kinds in active.items()})


def _sum_disputed(session: Session) -> dict[str, int]:
    disputes: dict[str, tuple[str, int]] = {}
    entries = select(JournalEntry).where(col(JournalEntry.kind).in_(("dispute.raised", "dispute.resolved")))
    for entry in session.scalars(entries.order_by(col(JournalEntry.case_id), col(JournalEntry.seq))):
        if entry.case_id.startswith("dispute:"):
            amount = entry.facts["amount"] if entry.kind == "dispute.raised" else 0
            disputes[entry.case_id] = entry.invoice_id or "", amount
    sums: dict[str, int] = defaultdict(int)
    for invoice, amount in disputes.values():
        sums[invoice] += amount
    return sums


def _sum_credit(session: Session) -> dict[tuple[str, str], int]:
    """What was received or credited, and no invoice took."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    owners: dict[str, tuple[str, str]] = {}
    for payment in session.scalars(select(Payment)):
        owners[payment.id] = payment.account_id, payment.currency
        sums[owners[payment.id]] += 0 if payment.reversed_on else payment.amount
    for note in session.scalars(select(CreditNote)):
        owners[note.id] = note.account_id, note.currency
        sums[owners[note.id]] += note.amount
    for allocation in session.scalars(select(Allocation).where(col(Allocation.write_off_key).is_(None))):
        sums[owners[allocation.payment_id or allocation.credit_note_id or ""]] -= allocation.amount
    return sums
