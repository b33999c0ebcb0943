"""The archive of the histories of ended runs, which keeps them longer than the Temporal server does.

A history is stored as Temporal's own JSON, its payloads unchanged, so that any release of any SDK can read it, and people too.
"""

import gzip
import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import col
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.client import WorkflowHistory

from adapters.audit.histories.object_store import ArchiveStore
from adapters.database.engine import Database
from adapters.database.row_states import RunEnding
from adapters.database.tables import ArchivedRun
from domain.errors import UserError

ACCOUNT_ATTRIBUTE = "DuecourseAccount"
RUNS_PER_QUERY = 500
CLOSING_EVENTS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: RunEnding.COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: RunEnding.FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: RunEnding.TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: RunEnding.CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: RunEnding.TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: RunEnding.CONTINUED_AS_NEW,
}


class ArchiveDamagedError(UserError):
    """The archived content of a run is missing or changed."""

    title = "The archive was tampered with"
    status = 409
    problem_type = "damaged"


class RunOpenError(ValueError):
    """A run that has not ended cannot be archived yet."""


class RunArchive:
    """Archives and loads histories. `store` keeps the contents; without one they are in the database, in the rows that describe them."""

    def __init__(self, database: Database, store: ArchiveStore | None = None) -> None:
        self._database, self._store = database, store
        self._insert = database.build_insert_or_ignore(ArchivedRun)

    def archive_history(self, run_id: str, history: WorkflowHistory) -> None:
        """Archive a run's history. Safe to repeat. Raises RunOpenError, ArchiveStoreError."""
        row = build_archived_run(run_id, history)
        if self._store is not None:
            assert row.content is not None
            self._store.put(object_key(row), row.content)
            row.content = None
        with self._database.writing() as session:
            session.execute(self._insert, [row.model_dump()])

    def find_archived(self, runs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Find which of these runs (workflow id, run id) are archived."""
        run_ids, archived = sorted({run_id for _, run_id in runs}), set[tuple[str, str]]()
        with self._database.reading() as session:
            for start in range(0, len(run_ids), RUNS_PER_QUERY):
                in_batch = col(ArchivedRun.run_id).in_(run_ids[start : start + RUNS_PER_QUERY])
                rows = session.execute(select(col(ArchivedRun.workflow_id), col(ArchivedRun.run_id)).where(in_batch))
                archived |= {(row.workflow_id, row.run_id) for row in rows}
        return archived & set(runs)

    def list_account_runs(self, account_id: str) -> list[ArchivedRun]:
        """List an account's runs in the order in which they began; without their contents."""
        return self._load_rows(col(ArchivedRun.account_id) == account_id)

    def list_case_runs(self, case_id: str) -> list[ArchivedRun]:
        """List a case's runs in the order in which they began; without their contents."""
        return self._load_rows(col(ArchivedRun.workflow_id) == case_id)

    def _load_rows(self, condition: Any) -> list[ArchivedRun]:
        columns = [column for column in ArchivedRun.__table__.columns if column.name != "content"]  # type: ignore[attr-defined]
        with self._database.reading() as session:
            rows = session.execute(select(*columns).where(condition).order_by(col(ArchivedRun.started_at)))
            return [ArchivedRun(**row._mapping) for row in rows]

    def load_content(self, case_id: str, run_id: str) -> bytes | None:
        """Load a run's history as it is stored (gzip); None when it is not archived. Raises ArchiveDamagedError, ArchiveStoreError."""
        with self._database.reading() as session:
            row = session.get(ArchivedRun, (case_id, run_id))
            if row is None:
                return None
            content = row.content if row.content is not None or self._store is None else self._store.get(object_key(row))
            if content is None:
                raise ArchiveDamagedError(f"the archived history of {case_id}, run {run_id}, is gone from its bucket")
            if hashlib.sha256(content).hexdigest() != row.sha256:
                raise ArchiveDamagedError(f"the archived history of {case_id}, run {run_id}, was changed: its SHA-256 is not {row.sha256}")
            return content

    def load_history(self, case_id: str, run_id: str) -> WorkflowHistory | None:
        """Load a run's history; None when it is not archived. Raises ArchiveDamagedError, ArchiveStoreError."""
        content = self.load_content(case_id, run_id)
        if content is None:
            return None
        try:
            return WorkflowHistory.from_json(case_id, gzip.decompress(content).decode())
        except (OSError, EOFError, ValueError) as error:
            raise ArchiveDamagedError(f"the archived history of {case_id}, run {run_id}, cannot be read: {error}") from error

    def find_damaged(self) -> Iterator[tuple[str, str, str]]:
        """Yield (workflow id, run id, fault) of every history that is missing or changed."""
        with self._database.reading() as session:
            keys = session.execute(select(col(ArchivedRun.workflow_id), col(ArchivedRun.run_id))).all()
        for case_id, run_id in keys:
            try:
                self.load_content(case_id, run_id)
            except ArchiveDamagedError as error:
                yield case_id, run_id, str(error)


def object_key(row: ArchivedRun) -> str:
    """Return the key under which a bucket keeps a run's history."""
    return f"histories/{row.workflow_id}/{row.run_id}.json.gz"


def build_archived_run(run_id: str, history: WorkflowHistory) -> ArchivedRun:
    """Build the row of a run that has ended, with its content. Raises RunOpenError."""
    first, last = history.events[0], history.events[-1]
    if last.event_type not in CLOSING_EVENTS:
        raise RunOpenError(f"{history.workflow_id}, run {run_id}, has not ended")
    started = first.workflow_execution_started_event_attributes
    content = gzip.compress(history.to_json().encode(), mtime=0)
    return ArchivedRun(
        workflow_id=history.workflow_id,
        run_id=run_id,
        workflow_type=started.workflow_type.name,
        account_id=parse_account_id(started),
        first_run_id=started.first_execution_run_id or run_id,
        continued_from=started.continued_execution_run_id or None,
        ended_as=CLOSING_EVENTS[last.event_type],
        events=len(history.events),
        started_at=event_time(first),
        closed_at=event_time(last),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        content=content,
        archived_at=datetime.now(UTC),
    )


def parse_account_id(started: WorkflowExecutionStartedEventAttributes) -> str:
    """Parse the account from the search attribute of a case; empty for a run that is no case of an account."""
    payload = started.search_attributes.indexed_fields.get(ACCOUNT_ATTRIBUTE)
    value = json.loads(payload.data) if payload else ""
    return str(value[0] if isinstance(value, list) and value else value or "")


def event_time(event: HistoryEvent) -> datetime:
    """Return the real time (UTC) of an event."""
    return event.event_time.ToDatetime(UTC)


def has_ended(events: Sequence[HistoryEvent]) -> bool:
    """Return true when the last event closes the run."""
    return bool(events) and events[-1].event_type in CLOSING_EVENTS
