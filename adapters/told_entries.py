"""Reads an account's journal as its story is compiled from it: the entries that count, as known at a moment.

A worker that died between writing and answering leaves entries beside the chain. A case's head, followed back, says which ones count.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.tables import Case, JournalEntry
from domain.journal import EntryKind
from domain.told import Told


class Chain(NamedTuple):
    """The journal of an account. `heads` has of each case the hash of the last entry that was known by then."""

    told: list[Told]
    heads: dict[str, str]


def read_chain(session: Session, account_id: str, at: datetime) -> Chain:
    """In order of business time; what came after `at` is left out."""
    entry = JournalEntry
    columns: tuple[Any, ...] = (
        entry.case_id, entry.seq, entry.hash, entry.previous, entry.kind, entry.business_at, entry.invoice_id, entry.actor, entry.facts,
    )  # fmt: skip
    rows = session.execute(select(*columns).where(col(entry.account_id) == account_id)).all()
    newest = select(col(Case.case_id), col(Case.head)).where(col(Case.account_id) == account_id)
    heads: dict[str, str] = {row.case_id: row.head for row in session.execute(newest)}
    written = {(row.case_id, row.hash): row for row in rows}
    told: list[Told] = []
    known: dict[str, str] = {}
    for case_id, head in heads.items():
        link = head
        while (row := written.pop((case_id, link), None)) is not None:
            link = row.previous
            if row.business_at <= at:
                known.setdefault(case_id, row.hash)
                told.append(Told(case_id, row.seq, row.kind, row.business_at, row.invoice_id, row.actor, row.facts))
    return Chain(sorted(told, key=lambda one: (one.at, one.case_id, one.seq)), known)


def read_kinds(
    session: Session, *kinds: EntryKind, account_id: str | None = None, until: datetime | None = None
) -> Iterator[tuple[str, Told]]:
    """(account, entry) of the kinds named, of one account or of all, in order of business time.

    Entries past a case's head do not count, and of two with one number only one does: what is written anew after a worker's death says
    the same.
    """
    entry = JournalEntry
    columns: tuple[Any, ...] = (
        entry.account_id, entry.case_id, entry.seq, entry.kind, entry.business_at, entry.invoice_id, entry.actor, entry.facts,
    )  # fmt: skip
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
            yield row.account_id, Told(row.case_id, row.seq, row.kind, row.business_at, row.invoice_id, row.actor, row.facts)
