"""Tests, readings and comparisons that people ask for: each is begun, done and noted, and of each kind the last one is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import structlog
from sqlalchemy import select
from sqlmodel import col

from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import ConnectionStep
from adapters.connections.comparison import Comparison, compare_system
from adapters.connections.connection_registry import ConnectedSystem
from adapters.connections.difference_store import keep_comparison
from adapters.database.engine import Database
from adapters.database.row_states import ConnectionRunKind
from adapters.database.tables import ConnectionRunRow
from domain.errors import UserError

LONGEST_RUN = timedelta(hours=1)
"""A run that began earlier and has not ended was interrupted."""
MOST_PAGES = 100
"""That one reading reads, when somebody asks for it; the schedule reads on."""
MAX_LEFT_OUT = 1_000
"""Invoices that could not be taken in, of one reading; the comparison names all."""

log = structlog.get_logger(__name__)


class RunInProgressError(UserError):
    """The same is being done."""

    title = "The same is in progress"
    status = 409
    problem_type = "in-progress"


class ConnectionRun(NamedTuple):
    """Times are real time, UTC. `failure`: why it was not finished; empty: it was, or goes on."""

    kind: ConnectionRunKind
    asked_by: str
    begun_at: datetime
    ended_at: datetime | None
    failure: str
    result: dict[str, Any]

    def is_running(self, now: datetime) -> bool:
        return self.ended_at is None and self.begun_at > now - LONGEST_RUN

    @property
    def steps(self) -> list[ConnectionStep]:
        """What a test found."""
        return [ConnectionStep(**step) for step in self.result.get("steps", ())]


class ConnectionRuns:
    """Safe to share between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database, self._now = database, now

    def list_runs(self) -> dict[SystemKey, dict[ConnectionRunKind, ConnectionRun]]:
        found: dict[SystemKey, dict[ConnectionRunKind, ConnectionRun]] = {}
        with self._database.reading() as session:
            for row in session.scalars(select(ConnectionRunRow).order_by(col(ConnectionRunRow.system))):
                kind = ConnectionRunKind(row.kind)
                run = ConnectionRun(kind, row.asked_by, row.begun_at, row.ended_at, row.failure, row.result)
                found.setdefault(SystemKey(row.system, row.company), {})[kind] = run
        return found

    def begin(self, key: SystemKey, kind: ConnectionRunKind, by: str) -> datetime:
        """Note that it begins now. Raises RunInProgressError."""
        now, last = self._now(), self.list_runs().get(key, {}).get(kind)
        if last is not None and last.is_running(now):
            raise RunInProgressError(f"{key.system} is being read or compared since {last.begun_at:%H:%M} UTC; wait until that is done")
        self._write(key, kind, {"asked_by": by, "begun_at": now, "ended_at": None, "failure": ""})
        return now

    def test(self, system: ConnectedSystem, by: str) -> tuple[ConnectionStep, ...]:
        steps: tuple[ConnectionStep, ...] = ()
        with self._noting(system.key, ConnectionRunKind.TEST, by) as result:
            steps = system.connector.try_connection()
            result["steps"] = [step._asdict() for step in steps]
        return steps

    def keep_test(self, key: SystemKey, steps: tuple[ConnectionStep, ...], by: str) -> None:
        """Note what a test found that was made before the connection was kept."""
        with self._noting(key, ConnectionRunKind.TEST, by) as result:
            result["steps"] = [step._asdict() for step in steps]

    def read(self, system: ConnectedSystem, by: str) -> None:
        """What fails is noted."""
        with self._noting(system.key, ConnectionRunKind.READING, by) as result:
            read = system.sync.sync(MOST_PAGES)
            result |= {"read": read.read, "changed": read.changed, "has_more": read.has_more}
            result["left_out"] = [each._asdict() for each in read.left_out[:MAX_LEFT_OUT]]

    def compare(self, system: ConnectedSystem, by: str, *, raises: bool = False) -> Comparison | None:
        """What it found; None where it failed. What fails is noted, and raised where that is wanted."""
        comparison = None
        with self._noting(system.key, ConnectionRunKind.COMPARISON, by, raises=raises) as result:
            began = self._now()
            comparison = compare_system(self._database, system.sync)
            keep_comparison(self._database, system.key, comparison, began)
            result |= {"compared": comparison.compared, "differences": len(comparison.differences)}
        return comparison

    @contextmanager
    def _noting(self, key: SystemKey, kind: ConnectionRunKind, by: str, *, raises: bool = False) -> Iterator[dict[str, Any]]:
        """Note that it begins, and how it ended, with what was put into the result."""
        result: dict[str, Any] = {}
        begun = {"asked_by": by, "begun_at": self._now(), "ended_at": None, "failure": ""}
        self._write(key, kind, begun)
        try:
            yield result
        except Exception as error:  # whatever it is, it is this system's alone
            log.warning("connection_run_failed", system=f"{key.system}:{key.company}", run=kind.value, error=type(error).__name__)
            self._write(key, kind, {**begun, "ended_at": self._now(), "failure": f"{error}" or type(error).__name__})
            if raises:
                raise
        else:
            self._write(key, kind, {**begun, "ended_at": self._now(), "result": result})

    def _write(self, key: SystemKey, kind: ConnectionRunKind, values: dict[str, Any]) -> None:
        """What the last run found stays while another one runs."""
        row = {"system": key.system, "company": key.company, "kind": kind.value}
        new = self._database.build_insert(ConnectionRunRow).values(**{"result": {}} | row | values)
        with self._database.writing() as session:
            session.execute(new.on_conflict_do_update(index_elements=["system", "company", "kind"], set_=values))
