"""The histories of runs that have ended are kept whole, once, in the database or in a bucket."""

import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from obstore.store import LocalStore, MemoryStore
from sqlalchemy import select
from sqlmodel import col
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from adapters.audit.histories.archive import ArchiveDamagedError, RunArchive, RunOpenError, build_archived_run, object_key
from adapters.audit.histories.archive_sweep import HistoryArchiver
from adapters.audit.histories.object_store import ArchiveStore, ArchiveStoreError, BucketStore
from adapters.database.engine import Database
from adapters.database.tables import ArchivedRun, Case, Task
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideReason, SetAsideStage
from adapters.shipped_files import PROJECT
from adapters.temporal.visibility import ListedRun

HISTORIES = PROJECT / "tests" / "histories"
CLOSED = ("invoice_collection.full_timeline_to_paid", "dispute.disputed_and_credited", "approval.two_tiers")
OPEN = "invoice_collection.promise_broken"
TODAY = date(2013, 3, 1)


def recorded(name: str) -> WorkflowHistory:
    content = json.loads((HISTORIES / f"{name}.2026-11.json").read_text(encoding="utf-8"))
    return WorkflowHistory.from_json(content["workflow_id"], content["history"])


def stores(folder: Path) -> list[ArchiveStore | None]:
    return [None, BucketStore(MemoryStore()), BucketStore(LocalStore(folder, mkdir=True))]


class Server:
    """A Temporal server with these histories, of which some cannot be fetched; and its list of the closed ones, unless that lags."""

    def __init__(self, *histories: WorkflowHistory, days: int = 90) -> None:
        self.histories = {(history.workflow_id, history.run_id): history for history in histories}
        self.broken: set[str] = set()
        self.listed = True
        self.asked: list[datetime | None] = []
        retention = DescribeNamespaceResponse()
        retention.config.workflow_execution_retention_ttl.seconds = days * 86_400
        self._retention = retention
        self.namespace, self.workflow_service = "duecourse", SimpleNamespace(describe_namespace=self._describe)

    @property
    def client(self) -> Client:
        return cast("Client", self)

    async def _describe(self, _: Any) -> DescribeNamespaceResponse:
        return self._retention

    def get_workflow_handle(self, workflow_id: str, run_id: str | None = None) -> Any:
        async def fetch_history() -> WorkflowHistory:
            if workflow_id in self.broken:
                raise RPCError("no answer in time", RPCStatusCode.UNAVAILABLE, b"")
            if (workflow_id, run_id) not in self.histories:
                raise RPCError("not found", RPCStatusCode.NOT_FOUND, b"")
            return self.histories[workflow_id, run_id or ""]

        async def describe() -> Any:
            for known, latest in self.histories:
                if known == workflow_id:
                    return SimpleNamespace(run_id=latest)
            raise RPCError("not found", RPCStatusCode.NOT_FOUND, b"")

        return SimpleNamespace(fetch_history=fetch_history, describe=describe)

    async def list_closed_runs(self, since: datetime | None) -> AsyncIterator[ListedRun]:
        self.asked.append(since)
        for (workflow_id, run_id), history in self.histories.items() if self.listed else ():
            ended_at = history.events[-1].event_time.ToDatetime(UTC)
            if since is None or ended_at >= since:
                yield ListedRun(workflow_id, run_id, ended_at)

    async def list_account_runs(self, account_id: str) -> AsyncIterator[ListedRun]:
        for workflow_id, run_id in self.histories:
            yield ListedRun(workflow_id, run_id, None)

    async def list_case_runs(self, case_id: str) -> AsyncIterator[ListedRun]:
        for workflow_id, run_id in self.histories:
            yield ListedRun(workflow_id, run_id, None)


def export(server: Server, database: Database) -> HistoryArchiver:
    return HistoryArchiver(server.client, database, RunArchive(database), server)


def rows(database: Database) -> list[ArchivedRun]:
    with database.reading() as session:
        found = list(session.scalars(select(ArchivedRun).order_by(col(ArchivedRun.workflow_id))))
        session.expunge_all()
        return found


def ended(history: WorkflowHistory) -> datetime:
    return history.events[-1].event_time.ToDatetime(UTC)


# --- what is kept


@pytest.mark.parametrize("place", range(3), ids=["database", "memory", "folder"])
def test_a_history_comes_back_as_it_was_wherever_it_lies(database: Database, tmp_path: Path, place: int) -> None:
    archive, history = RunArchive(database, stores(tmp_path)[place]), recorded(CLOSED[0])
    archive.archive_history(history.run_id, history)
    back = archive.load_history(history.workflow_id, history.run_id)
    assert back is not None
    assert [event.SerializeToString(deterministic=True) for event in back.events] == [
        event.SerializeToString(deterministic=True) for event in history.events
    ]
    assert (rows(database)[0].content is None) == (place > 0)


def test_what_is_known_of_a_run_stands_beside_its_history(database: Database) -> None:
    history = recorded(CLOSED[0])
    RunArchive(database).archive_history(history.run_id, history)
    (row,) = rows(database)
    assert (row.workflow_id, row.workflow_type, row.ended_as) == (history.workflow_id, "InvoiceCollection", "completed")
    assert row.account_id == f"A-{history.workflow_id.removeprefix('invoice:')}"
    assert (row.events, row.closed_at, row.first_run_id) == (len(history.events), ended(history), history.run_id)
    assert row.content is not None
    assert (row.size, row.sha256) == (len(row.content), hashlib.sha256(row.content).hexdigest())
    assert json.loads(gzip.decompress(row.content))["events"][0]["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"


def test_a_run_is_archived_once(database: Database) -> None:
    archive, history = RunArchive(database), recorded(CLOSED[0])
    archive.archive_history(history.run_id, history)
    (before,) = rows(database)
    archive.archive_history(history.run_id, history)
    assert rows(database) == [before]
    assert archive.find_archived({(history.workflow_id, history.run_id), ("invoice:other", "run")}) == {
        (history.workflow_id, history.run_id)
    }


def test_a_run_that_has_not_ended_is_not_archived(database: Database) -> None:
    history = recorded(OPEN)
    with pytest.raises(RunOpenError):
        RunArchive(database).archive_history(history.run_id, history)
    assert rows(database) == []


def test_a_bucket_never_writes_over_what_it_has() -> None:
    store = BucketStore(MemoryStore())
    store.put("histories/a", b"first")
    store.put("histories/a", b"second")
    assert (store.get("histories/a"), store.exists("histories/a")) == (b"first", True)
    assert (store.get("histories/b"), store.exists("histories/b")) == (None, False)


def test_a_history_that_was_changed_in_its_bucket_is_named(database: Database, tmp_path: Path) -> None:
    archive, history = RunArchive(database, BucketStore(LocalStore(tmp_path))), recorded(CLOSED[0])
    archive.archive_history(history.run_id, history)
    (tmp_path / object_key(build_archived_run(history.run_id, history))).write_bytes(gzip.compress(b'{"events": []}'))
    with pytest.raises(ArchiveDamagedError, match="was changed"):
        archive.load_history(history.workflow_id, history.run_id)
    assert [(case_id, run_id) for case_id, run_id, _ in archive.find_damaged()] == [(history.workflow_id, history.run_id)]


def test_a_history_that_is_gone_from_its_bucket_is_named(database: Database) -> None:
    history = recorded(CLOSED[0])
    RunArchive(database, BucketStore(MemoryStore())).archive_history(history.run_id, history)
    with pytest.raises(ArchiveDamagedError, match="is gone"):
        RunArchive(database, BucketStore(MemoryStore())).load_content(history.workflow_id, history.run_id)


# --- the sweep


async def test_a_sweep_archives_what_has_ended_and_leaves_what_goes_on(database: Database) -> None:
    server = Server(*map(recorded, (*CLOSED, OPEN)))
    swept = await export(server, database).sweep(datetime.now(UTC), TODAY)
    assert (swept.archived, swept.left, swept.lag_seconds, swept.at_risk) == (3, 0, 0, 0)
    assert {row.workflow_id for row in rows(database)} == {recorded(name).workflow_id for name in CLOSED}


async def test_a_second_sweep_asks_only_for_what_ended_since_and_once_a_day_for_everything(database: Database) -> None:
    server, now = Server(*map(recorded, CLOSED)), datetime(2026, 11, 30, tzinfo=UTC)
    exports = export(server, database)
    again = [(await exports.sweep(now + hours * timedelta(hours=1), TODAY)).archived for hours in (0, 1, 25)]
    assert again == [3, 0, 0]
    assert server.asked == [None, now - timedelta(minutes=10), None]


async def test_a_run_that_the_server_does_not_list_yet_is_found_by_the_read_model(database: Database) -> None:
    server, history = Server(recorded(CLOSED[0])), recorded(CLOSED[0])
    server.listed = False
    with database.writing() as session:
        session.add(closed_case(history))
    assert (await export(server, database).sweep(datetime.now(UTC), TODAY)).archived == 1
    assert (await export(server, database).sweep(datetime.now(UTC), TODAY)).archived == 0


async def test_what_cannot_be_fetched_keeps_nothing_else_from_the_archive_and_is_tried_again(database: Database) -> None:
    server, now = Server(*map(recorded, CLOSED)), ended(recorded(CLOSED[0])) + timedelta(hours=1)
    server.broken = {recorded(CLOSED[0]).workflow_id}
    swept = await export(server, database).sweep(now, TODAY)
    assert (swept.archived, swept.left, swept.lag_seconds, swept.at_risk) == (2, 1, 3_600, 0)
    server.broken = set()
    assert (await export(server, database).sweep(now, TODAY)).archived == 1


async def test_a_run_within_a_day_of_its_deletion_is_one_task_for_an_administrator_until_it_is_archived(database: Database) -> None:
    server, history = Server(recorded(CLOSED[0]), days=30), recorded(CLOSED[0])
    server.broken = {history.workflow_id}
    for days, at_risk in ((28, 0), (29, 1), (29.5, 1)):
        swept = await export(server, database).sweep(ended(history) + timedelta(days=days), TODAY)
        assert swept.at_risk == at_risk
    with database.reading() as session:
        (task,) = session.scalars(select(Task))
        assert (task.kind, task.role, task.due_on, task.state) == ("history_at_risk", "admin", TODAY, "open")
        assert "no answer in time" in task.outcome
    server.broken = set()
    await export(server, database).sweep(ended(history) + timedelta(days=29.6), TODAY)
    with database.reading() as session:
        (task,) = session.scalars(select(Task))
        assert (task.state, task.closed_by) == ("done", "duecourse")


async def test_a_case_whose_run_the_server_has_deleted_is_told_and_does_not_hold_up_the_sweeps(database: Database) -> None:
    server, now = Server(), datetime(2026, 11, 30, tzinfo=UTC)
    with database.writing() as session:
        session.add(closed_case(recorded(CLOSED[0])))
    swept = await export(server, database).sweep(now, TODAY)
    await export(server, database).sweep(now + timedelta(hours=1), TODAY)
    assert (swept.archived, swept.left) == (0, 1)
    assert server.asked == [None, now - timedelta(minutes=10)]


def closed_case(history: WorkflowHistory) -> Case:
    return Case(
        case_id=history.workflow_id,
        run_id=history.run_id,
        kind="invoice",
        account_id="A",
        stage="settled",
        waiting_for="",
        outcome="paid",
        seq=1,
        head="0",
        updated_at=ended(history),
    )


# --- one that cannot be archived


class PickyStore(BucketStore):
    """It takes no object of these cases."""

    refused: frozenset[str] = frozenset()

    def put(self, key: str, content: bytes) -> None:
        if any(case_id in key for case_id in self.refused):
            raise ArchiveStoreError(f"the bucket takes no {key}")
        super().put(key, content)


async def test_a_run_that_the_archive_does_not_take_is_set_aside_and_all_others_are_archived(database: Database) -> None:
    histories = [recorded(name) for name in CLOSED]
    bad, *others = [history.workflow_id for history in histories]
    server, store = Server(*histories), PickyStore(MemoryStore())
    store.refused = frozenset({histories[0].run_id})
    archiver, kept = HistoryArchiver(server.client, database, RunArchive(database, store), server), SetAsideStore(database)
    now = datetime.now(UTC)
    result = await archiver.sweep(now, now.date())
    assert (result.left, {row.workflow_id for row in rows(database)}) == (1, set(others))
    (item,) = kept.list_waiting(SetAsideStage.HISTORY).values()
    assert (item.item_id, item.reason) == (f"{bad}:{histories[0].run_id}", SetAsideReason.STORE_REFUSED)
    store.refused = frozenset()
    assert (await archiver.sweep(now, now.date())).left == 0
    assert kept.list_waiting(SetAsideStage.HISTORY) == {}
