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
from domain.audit.scope import AuditScope, OneAccount, Period
from domain.journal.journal import GENESIS

AT_ONCE = 2_000
"""Rows that the database hands over at a time."""

_J = JournalEntry
_ENTRY: tuple[Any, ...] = (
    _J.case_id, _J.seq, _J.kind, _J.business_at, _J.recorded_at, _J.account_id, _J.invoice_id, _J.actor, _J.facts, _J.previous, _J.hash,
)  # fmt: skip
FIELDS = tuple(column.key for column in _ENTRY)


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
    beside: list[dict[str, Any]]
    cut: bool


def read_chains(session: Session, scope: AuditScope) -> Iterator[CaseChain]:
    """The cases in order of their id, as the database orders texts; then the entries that no case claims."""
    case = Case
    about: tuple[Any, ...] = (
        case.case_id.label("case"), case.kind.label("case_kind"), case.account_id.label("owner"),  # type: ignore[attr-defined]
        case.invoice_id.label("about_invoice"), case.summary, case.head, case.seq.label("case_seq"),  # type: ignore[attr-defined, union-attr]
    )  # fmt: skip
    rows = session.execute(
        select(*about, *_ENTRY)
        .outerjoin(JournalEntry, col(_J.case_id) == col(case.case_id))
        .where(_cases_of(scope))
        .order_by(col(case.case_id), col(_J.seq), col(_J.hash))
        .execution_options(yield_per=AT_ONCE)
    )
    until = scope.ends if isinstance(scope, Period) else None
    for _, group in groupby(rows, key=lambda row: row.case):
        yield _chain(list(group), until)
    yield from _unclaimed(session, scope)


def _cases_of(scope: AuditScope) -> ColumnElement[bool]:
    if isinstance(scope, OneAccount):
        return col(Case.account_id) == scope.account_id
    within = and_(col(_J.business_at) >= scope.begins, col(_J.business_at) < scope.ends)
    return exists(select(1).where(col(_J.case_id) == col(Case.case_id), within).correlate(Case))


def _chain(rows: list[Row[Any]], until: datetime | None) -> CaseChain:
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
    beside = [_entry(row) for row in left.values() if not cut or row.seq <= seq]
    return CaseChain(
        first.case, first.case_kind, first.owner, first.about_invoice, first.summary or {}, seq, head,
        [_entry(row) for row in chain], beside, cut,
    )  # fmt: skip


def _unclaimed(session: Session, scope: AuditScope) -> Iterator[CaseChain]:
    """Entries whose case's row is gone: nothing says which of them count."""
    mine = (
        col(_J.account_id) == scope.account_id
        if isinstance(scope, OneAccount)
        else and_(col(_J.business_at) >= scope.begins, col(_J.business_at) < scope.ends)
    )
    gone = ~exists(select(1).where(col(Case.case_id) == col(_J.case_id)).correlate(JournalEntry))
    rows = session.execute(
        select(*_ENTRY)
        .where(mine, gone)
        .order_by(col(_J.case_id), col(_J.seq), col(_J.hash))
        .execution_options(yield_per=AT_ONCE)
    )  # fmt: skip
    for case_id, group in groupby(rows, key=lambda row: row.case_id):
        beside = [_entry(row) for row in group]
        yield CaseChain(case_id, "", beside[0]["account_id"], beside[0]["invoice_id"], {}, 0, GENESIS, [], beside, cut=True)


def _entry(row: Row[Any]) -> dict[str, Any]:
    return {field: getattr(row, field) for field in FIELDS}


__all__ = ["AT_ONCE", "FIELDS", "CaseChain", "read_chains"]
