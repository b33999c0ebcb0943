"""Read an account's journal for projections: the entries that count, as known at a moment.

A worker that died between writing and answering leaves entries beside the chain. A case's head, followed back, shows which ones count.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, type_coerce
from sqlalchemy.types import NullType
from sqlmodel import Session, col

from adapters.database.tables import Case, JournalEntry
from domain.errors import UserError
from domain.journal.account_entries import AccountEntry
from domain.journal.chain_check import follow_chain_back
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind

_get_previous: Callable[[Any], str] = itemgetter(8)
"""The hash before a row's: its last column."""


class AccountEntries(NamedTuple):
    """The journal of an account at a moment. `heads` has the hash of each case's last entry by then."""

    entries: list[AccountEntry]
    heads: dict[str, str]


def load_account_entries(session: Session, account_id: str, at: datetime) -> AccountEntries:
    """Load the entries in order of business time up to `at` (UTC). Rows are read as the driver returns them: it halves the time."""
    entry = JournalEntry.__table__.c  # type: ignore[attr-defined]
    columns = (
        entry.case_id,
        entry.seq,
        entry.kind,
        type_coerce(entry.business_at, NullType()),
        entry.invoice_id,
        entry.actor,
        type_coerce(entry.facts, NullType()),
        entry.hash,
        entry.previous,
    )
    rows_by_hash: dict[str, dict[str, Any]] = {}
    for row in session.execute(select(*columns).where(entry.account_id == account_id)).all():
        rows_by_hash.setdefault(row[0], {})[row[7]] = row
    case_heads = select(col(Case.case_id), col(Case.head)).where(col(Case.account_id) == account_id)
    entries: list[AccountEntry] = []
    known_heads: dict[str, str] = {}
    for case_id, head in sorted((row.case_id, row.head) for row in session.execute(case_heads)):
        newest_first: list[AccountEntry] = []
        chain = follow_chain_back(head, rows_by_hash.get(case_id, {}), _get_previous)
        for _, seq, kind, stored_at, invoice_id, actor, facts, hash_, _ in chain:
            business_at = _parse_moment(stored_at)
            if business_at <= at:
                known_heads.setdefault(case_id, hash_)
                newest_first.append(AccountEntry(case_id, seq, kind, business_at, invoice_id, actor, _parse_facts(facts)))
        entries += reversed(newest_first)
    entries.sort(key=attrgetter("at"))  # stable: entries of one moment stay in order of their cases and numbers
    return AccountEntries(entries, known_heads)


def _parse_moment(stored: Any) -> datetime:
    """Parse a moment as the driver returns it: SQLite's is text, and in UTC."""
    return stored.astimezone(UTC) if isinstance(stored, datetime) else datetime.fromisoformat(f"{stored}+00:00")


def _parse_facts(stored: Any) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = stored if isinstance(stored, dict) else orjson.loads(stored)
    return facts


def load_entries_of_kinds(
    session: Session, *kinds: EntryKind, account_id: str | None = None, until: datetime | None = None
) -> Iterator[tuple[str, AccountEntry]]:
    """Yield (account id, entry) of the given kinds, of one account or of all, in order of business time.

    Entries past a case's head do not count, and of two with the same number only one does: an entry that is written again after a worker's
    death has the same content.
    """
    entry = JournalEntry
    columns: tuple[Any, ...] = (
        entry.account_id,
        entry.case_id,
        entry.seq,
        entry.kind,
        entry.business_at,
        entry.invoice_id,
        entry.actor,
        entry.facts,
    )
    head = select(col(Case.seq)).where(col(Case.case_id) == col(entry.case_id)).scalar_subquery()
    statement = select(*columns).where(col(entry.kind).in_([kind.value for kind in kinds]), col(entry.seq) <= head)
    if account_id is not None:
        statement = statement.where(col(entry.account_id) == account_id)
    if until is not None:
        statement = statement.where(col(entry.business_at) <= until)
    seen: set[tuple[str, int]] = set()
    for row in session.execute(statement.order_by(col(entry.business_at), col(entry.case_id), col(entry.seq))):
        if (row.case_id, row.seq) not in seen:
            seen.add((row.case_id, row.seq))
            yield row.account_id, AccountEntry(row.case_id, row.seq, row.kind, row.business_at, row.invoice_id, row.actor, row.facts)


class AccountNotFoundError(UserError):
    """No account has this id."""

    title = "There is no such account"
    status = 404
    problem_type = "not-found"
    failure_type = "UnknownAccount"
