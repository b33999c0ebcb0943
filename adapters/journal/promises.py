"""What a customer promised, and when somebody last called: read from the account's journal."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.kept_rows import kept_in_snapshot
from adapters.database.tables import Invoice, JournalEntry
from adapters.journal.account_entries import load_entries_of_kinds
from domain.journal.entry_kinds import EntryKind
from domain.projection.case_facts import PromiseFacts
from domain.projection.case_history import list_promises

PROMISE_KINDS = (
    EntryKind.PROMISE_MADE,
    EntryKind.PROMISE_KEPT,
    EntryKind.PROMISE_PARTLY_KEPT,
    EntryKind.PROMISE_BROKEN,
    EntryKind.PROMISE_PART_PAID,
)


class LastCall(NamedTuple):
    """`at` is business time, `outcome` a CallOutcome."""

    at: datetime
    outcome: str
    by: str


def load_promises(database: Database, account_id: str, now: datetime) -> list[PromiseFacts]:
    """Load what was promised until `now` (business time), the latest first."""
    with database.reading() as session:
        entries = [entry for _, entry in load_entries_of_kinds(session, *PROMISE_KINDS, account_id=account_id, until=now)]
        promised = {entry.invoice_id for entry in entries}
        billed = select(col(Invoice.id), col(Invoice.currency)).where(col(Invoice.id).in_(promised))
        currencies = {row.id: row.currency for row in session.execute(billed)} if promised else {}
    return list_promises(entries, currencies)[::-1]


@kept_in_snapshot
def find_last_call(database: Database, account_id: str) -> LastCall | None:
    statement = (
        select(col(JournalEntry.business_at), JournalEntry.facts, col(JournalEntry.actor))  # type: ignore[call-overload]
        .where(col(JournalEntry.account_id) == account_id, col(JournalEntry.kind) == EntryKind.CALL_LOGGED)
        .order_by(col(JournalEntry.business_at).desc(), col(JournalEntry.seq).desc())
        .limit(1)
    )
    with database.reading() as session:
        row = session.execute(statement).first()
        return LastCall(row.business_at, str(row.facts.get("outcome", "")), row.actor) if row else None
