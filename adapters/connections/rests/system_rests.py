"""Until when each connected system asks to be left alone, for all processes that call it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlmodel import col

from adapters.billing.external_key import SystemKey
from adapters.connections.cursor_rows import lock_cursor_row
from adapters.database.engine import Database
from adapters.database.tables import BillingCursorRow

MAX_REASON_LENGTH = 300


class SystemRest(NamedTuple):
    """`until`: real time, UTC. `reason`: at which of its answers it began."""

    until: datetime
    reason: str


class SystemRests:
    """Safe to share between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database, self._now = database, now

    def find_rest(self, key: SystemKey) -> SystemRest | None:
        """The one that goes on now."""
        return self._list_rests(key).get(key)

    def list_rests(self) -> dict[SystemKey, SystemRest]:
        """Those that go on now."""
        return self._list_rests()

    def seconds_left(self, rest: SystemRest) -> float:
        return max((rest.until - self._now()).total_seconds(), 0.0)

    def note_rest(self, key: SystemKey, seconds: float, reason: str) -> None:
        """One that ends later than another under way takes its place."""
        until = self._now() + timedelta(seconds=seconds)
        with self._database.writing() as session:
            row = lock_cursor_row(self._database, session, key)
            if row.resting_until is None or row.resting_until < until:
                row.resting_until, row.rest_reason = until, reason[:MAX_REASON_LENGTH]

    def end_rest(self, key: SystemKey) -> None:
        """As when a person gave another secret, which was tried."""
        with self._database.writing() as session:
            session.execute(update(BillingCursorRow).where(*_is_of(key)).values(resting_until=None, rest_reason=""))

    def _list_rests(self, key: SystemKey | None = None) -> dict[SystemKey, SystemRest]:
        columns = (col(BillingCursorRow.system), col(BillingCursorRow.company), col(BillingCursorRow.resting_until))
        query = select(*columns, col(BillingCursorRow.rest_reason)).where(col(BillingCursorRow.resting_until) > self._now())
        with self._database.reading() as session:
            rows = session.execute(query if key is None else query.where(*_is_of(key))).all()
        return {SystemKey(system, company): SystemRest(until, reason) for system, company, until, reason in rows if until is not None}


def _is_of(key: SystemKey) -> tuple[Any, Any]:
    return col(BillingCursorRow.system) == key.system, col(BillingCursorRow.company) == key.company
