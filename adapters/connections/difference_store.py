"""Keeps what comparisons found: each difference from the comparison that names it first to the one that no longer does."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.billing.external_key import SystemKey
from adapters.connections.comparison import Comparison, Difference
from adapters.connections.cursor_rows import lock_cursor_row
from adapters.database.engine import Database
from adapters.database.row_states import DifferenceKind
from adapters.database.tables import BillingDifferenceRow


def keep_comparison(database: Database, system: SystemKey, comparison: Comparison, at: datetime) -> None:
    """Keep its differences: those that were known go on, with what stands here and there now; those that it does not name are gone, but for
    those of what it could not compare. `at`: the real time at which it began."""
    with database.writing() as session:
        cursor = lock_cursor_row(database, session, system)
        cursor.compared_at, cursor.compared_items = at, comparison.compared
        cursor.balance_check = comparison.balances._asdict() if comparison.balances else None
        known = {(row.kind, row.subject_id, row.currency): row for row in _load_open(session, system)}
        for each in comparison.differences:
            row = known.pop((each.kind.value, each.id, each.currency), None)
            if row is None:
                row = BillingDifferenceRow(
                    system=system.system,
                    company=system.company,
                    kind=each.kind.value,
                    subject_id=each.id,
                    number=each.number,
                    currency=each.currency,
                    first_seen_at=at,
                    last_seen_at=at,
                )
                session.add(row)
            row.here, row.there, row.last_seen_at = each.here, each.there, at
        for row in known.values():
            if comparison.compared_credits or row.kind != DifferenceKind.CREDIT:
                row.gone_at = at


def end_differences(database: Database, system: SystemKey, kind: DifferenceKind, ids: Sequence[str], at: datetime) -> None:
    """What was read again since it was named does not differ any more. `at` is real time."""
    with database.writing() as session:
        for row in _load_open(session, system):
            if row.kind == kind and row.subject_id in ids:
                row.gone_at = at


def list_open_differences(database: Database, system: SystemKey) -> tuple[Difference, ...]:
    """Return what the last comparison named, in its order."""
    with database.reading() as session:
        rows = _load_open(session, system)
        return tuple(Difference(DifferenceKind(row.kind), row.subject_id, row.number, row.currency, row.here, row.there) for row in rows)


def _load_open(session: Session, system: SystemKey) -> Sequence[BillingDifferenceRow]:
    mine = (col(BillingDifferenceRow.system) == system.system, col(BillingDifferenceRow.company) == system.company)
    query = select(BillingDifferenceRow).where(*mine, col(BillingDifferenceRow.gone_at).is_(None))
    return session.execute(query.order_by(col(BillingDifferenceRow.subject_id), col(BillingDifferenceRow.kind))).scalars().all()
