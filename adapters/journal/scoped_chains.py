"""The journal of an account or a period, case by case, as it is handed to auditors. One case at a time is in memory.

What is handed over is what is there: an entry that was tampered with comes along as it stands, for its reader to find.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, exists, select
from sqlmodel import Session, col

from adapters.database.tables import Case, JournalEntry
from domain.audit.scope import AccountScope, AuditScope, PeriodScope
from domain.journal.journal import GENESIS

ROWS_PER_FETCH = 2_000
"""Rows that the database hands over at a time."""

_JOURNAL = JournalEntry
_ENTRY_COLUMNS: tuple[Any, ...] = (
    _JOURNAL.case_id,
    _JOURNAL.seq,
    _JOURNAL.kind,
    _JOURNAL.business_at,
    _JOURNAL.recorded_at,
    _JOURNAL.account_id,
    _JOURNAL.invoice_id,
    _JOURNAL.actor,
    _JOURNAL.facts,
    _JOURNAL.previous,
    _JOURNAL.hash,
)
ENTRY_FIELDS = tuple(column.key for column in _ENTRY_COLUMNS)


class CaseChain(NamedTuple):
    """A case's entries, each as a dictionary of FIELDS. `chain` is in order; `beside` holds what a worker wrote that died before it was
    heard, and what no head leads to.

    `seq` and `head` are the last entry's, as the case's own row has them; where it is `cut`, because the case went on after the period,
    those of the last entry that is in it.
    """

    case_id: str
    kind: str
    account_id: str
    invoice_id: str | None
    summary: dict[str, Any]
    seq: int
    head: str
    chain: list[dict[str, Any]]
    orphans: list[dict[str, Any]]
    truncated: bool


def read_case_chains(session: Session, scope: AuditScope) -> Iterator[CaseChain]:
    """The cases in order of their id, as the database orders texts; then the entries that no case claims."""
    about: tuple[Any, ...] = (
        col(Case.case_id).label("case"),
        col(Case.kind).label("case_kind"),
        col(Case.account_id).label("owner"),
        col(Case.invoice_id).label("about_invoice"),
        Case.summary,
        Case.head,
        col(Case.seq).label("case_seq"),
    )
    rows = session.execute(
        select(*about, *_ENTRY_COLUMNS)
        .outerjoin(JournalEntry, col(_JOURNAL.case_id) == col(Case.case_id))
        .where(_build_case_filter(scope))
        .order_by(col(Case.case_id), col(_JOURNAL.seq), col(_JOURNAL.hash))
        .execution_options(yield_per=ROWS_PER_FETCH)
    )
    until = scope.ends_before if isinstance(scope, PeriodScope) else None
    for _, group in groupby(rows, key=lambda row: row.case):
        yield _build_case_chain(list(group), until)
    yield from _read_unclaimed_entries(session, scope)


def _build_case_filter(scope: AuditScope) -> ColumnElement[bool]:
    if isinstance(scope, AccountScope):
        return col(Case.account_id) == scope.account_id
    within = and_(col(_JOURNAL.business_at) >= scope.starts_at, col(_JOURNAL.business_at) < scope.ends_before)
    return exists(select(1).where(col(_JOURNAL.case_id) == col(Case.case_id), within).correlate(Case))


def _build_case_chain(rows: list[Row[Any]], until: datetime | None) -> CaseChain:
    """The rows of one case, its chain followed back from the head."""
    first = rows[0]
    left = {row.hash: row for row in rows if row.hash is not None}
    chain: list[Row[Any]] = []
    link = first.head
    while (row := left.pop(link, None)) is not None:
        chain.append(row)
        link = row.previous
    chain.reverse()
    whole = len(chain)
    while until is not None and chain and chain[-1].business_at >= until:
        chain.pop()
    cut = len(chain) < whole
    seq, head = (first.case_seq, first.head) if not cut else (chain[-1].seq, chain[-1].hash) if chain else (0, GENESIS)
    beside = [_build_entry(row) for row in left.values() if not cut or row.seq <= seq]
    return CaseChain(
        first.case,
        first.case_kind,
        first.owner,
        first.about_invoice,
        first.summary or {},
        seq,
        head,
        [_build_entry(row) for row in chain],
        beside,
        cut,
    )


def _read_unclaimed_entries(session: Session, scope: AuditScope) -> Iterator[CaseChain]:
    """Entries whose case's row is gone: nothing says which of them count."""
    mine = (
        col(_JOURNAL.account_id) == scope.account_id
        if isinstance(scope, AccountScope)
        else and_(col(_JOURNAL.business_at) >= scope.starts_at, col(_JOURNAL.business_at) < scope.ends_before)
    )
    gone = ~exists(select(1).where(col(Case.case_id) == col(_JOURNAL.case_id)).correlate(JournalEntry))
    rows = session.execute(
        select(*_ENTRY_COLUMNS)
        .where(mine, gone)
        .order_by(col(_JOURNAL.case_id), col(_JOURNAL.seq), col(_JOURNAL.hash))
        .execution_options(yield_per=ROWS_PER_FETCH)
    )
    for case_id, group in groupby(rows, key=lambda row: row.case_id):
        beside = [_build_entry(row) for row in group]
        yield CaseChain(case_id, "", beside[0]["account_id"], beside[0]["invoice_id"], {}, 0, GENESIS, [], beside, truncated=True)


def _build_entry(row: Row[Any]) -> dict[str, Any]:
    return {field: getattr(row, field) for field in ENTRY_FIELDS}


__all__ = ["ENTRY_FIELDS", "ROWS_PER_FETCH", "CaseChain", "read_case_chains"]
