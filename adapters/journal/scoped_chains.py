"""Read the journal of an account or a period, case by case, as it is exported for auditors. One case at a time is in memory.

Entries are exported as they are stored: one that was tampered with is included, for the auditor to find.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, exists, select
from sqlmodel import Session, col

from adapters.database.dispute_evidence import list_evidence
from adapters.database.tables import Case, JournalEntry
from domain.audit.scope import AccountScope, AuditScope, PeriodScope
from domain.journal.chain_check import follow_chain_back
from domain.journal.entry import GENESIS

ROWS_PER_FETCH = 2_000
"""Rows that the database returns at a time."""

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
    """A case's entries, each as a dictionary of ENTRY_FIELDS. `chain` is in order; `orphans` are the entries that no head leads to, such as
    those of a worker that died before its write was recorded.

    `seq` and `head` are the last entry's, as the case's own row has them; where the chain is `truncated`, because the case went on after
    the period, those of the last entry that is in it. `evidence`: the SHA-256 of each file that the row of a dispute names.
    """

    case_id: str
    kind: str
    account_id: str
    invoice_id: str | None
    evidence: tuple[str, ...]
    seq: int
    head: str
    chain: list[dict[str, Any]]
    orphans: list[dict[str, Any]]
    truncated: bool


def read_case_chains(session: Session, scope: AuditScope) -> Iterator[CaseChain]:
    """Yield the cases in order of their ids, as the database orders text; then the entries whose case has no row."""
    case_columns: tuple[Any, ...] = (
        col(Case.case_id).label("case"),
        col(Case.kind).label("case_kind"),
        col(Case.account_id).label("owner"),
        col(Case.invoice_id).label("about_invoice"),
        Case.summary,
        Case.head,
        col(Case.seq).label("case_seq"),
    )
    rows = session.execute(
        select(*case_columns, *_ENTRY_COLUMNS)
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
    """Build the chain of one case from its rows, followed back from the head; `until`: the end of the period (UTC), excluded."""
    first = rows[0]
    rows_by_hash = {row.hash: row for row in rows if row.hash is not None}
    chain = list(follow_chain_back(first.head, rows_by_hash))[::-1]
    beside = rows_by_hash.keys() - {row.hash for row in chain}
    full_length = len(chain)
    while until is not None and chain and chain[-1].business_at >= until:
        chain.pop()
    truncated = len(chain) < full_length
    if not truncated:
        seq, head = first.case_seq, first.head
    elif chain:
        seq, head = chain[-1].seq, chain[-1].hash
    else:
        seq, head = 0, GENESIS
    return CaseChain(
        case_id=first.case,
        kind=first.case_kind,
        account_id=first.owner,
        invoice_id=first.about_invoice,
        evidence=list_evidence(first.case_kind, first.summary),
        seq=seq,
        head=head,
        chain=[_build_entry(row) for row in chain],
        orphans=[_build_entry(row) for hash_, row in rows_by_hash.items() if hash_ in beside and (not truncated or row.seq <= seq)],
        truncated=truncated,
    )


def _read_unclaimed_entries(session: Session, scope: AuditScope) -> Iterator[CaseChain]:
    """Yield the entries whose case has no row: nothing shows which of them count."""
    in_scope = (
        col(_JOURNAL.account_id) == scope.account_id
        if isinstance(scope, AccountScope)
        else and_(col(_JOURNAL.business_at) >= scope.starts_at, col(_JOURNAL.business_at) < scope.ends_before)
    )
    has_no_case = ~exists(select(1).where(col(Case.case_id) == col(_JOURNAL.case_id)).correlate(JournalEntry))
    rows = session.execute(
        select(*_ENTRY_COLUMNS)
        .where(in_scope, has_no_case)
        .order_by(col(_JOURNAL.case_id), col(_JOURNAL.seq), col(_JOURNAL.hash))
        .execution_options(yield_per=ROWS_PER_FETCH)
    )
    for case_id, group in groupby(rows, key=lambda row: row.case_id):
        orphans = [_build_entry(row) for row in group]
        yield CaseChain(case_id, "", orphans[0]["account_id"], orphans[0]["invoice_id"], (), 0, GENESIS, [], orphans, truncated=True)


def _build_entry(row: Row[Any]) -> dict[str, Any]:
    return {field: getattr(row, field) for field in ENTRY_FIELDS}


__all__ = ["ENTRY_FIELDS", "ROWS_PER_FETCH", "CaseChain", "read_case_chains"]
