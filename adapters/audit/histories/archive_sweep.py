"""Archive the histories of runs that have ended, before the server's retention deletes them."""

import asyncio
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel
from sqlalchemy import select, update
from sqlmodel import col
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.audit.histories.archive import RunArchive, has_ended
from adapters.audit.histories.run_history_loader import MAX_CONCURRENT_FETCHES, NOT_FOUND_STATUSES
from adapters.database.engine import Database
from adapters.database.row_states import RunEnding, TaskState
from adapters.database.tables import ArchivedRun, Case, Setting, Task
from adapters.set_aside.set_aside_store import Failure, SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from adapters.temporal.visibility import ListedRun, RunListing
from domain.audit.archive_status import ArchiveSweepResult
from domain.case.case_view import TaskKind
from domain.journal.journal import SYSTEM

SWEEP_MARK_SETTING = "history_archive"
"""The setting with the real time until which everything that ended is archived."""


LAST_SWEEP_SETTING = "last_archive_sweep"
"""The setting with the result of the last sweep, for the metrics."""


VISIBILITY_LAG = timedelta(minutes=10)
"""The time after which, at the latest, a run that has ended is in the server's list."""


FULL_SWEEP_INTERVAL = timedelta(days=1)
"""The interval at which all runs that the server still has are checked again, and not only those since the last sweep."""


WARNING_LEAD_TIME = timedelta(days=1)
"""The time before its deletion at which a run that is not archived becomes a task for an administrator."""


MOST_SINGLE_FAILURES = 20
WHOLE_ARCHIVE = "every run"
"""What is set aside where more runs than that fail, and none is archived: then it is not the runs."""


AT_RISK_TASK = TaskKind.HISTORY_AT_RISK


class _SweepMark(BaseModel):
    until: datetime
    looked_back_at: datetime


class _UnarchivedRun(NamedTuple):
    """A run that could not be archived, and why. `is_lost`: the server does not have it any more."""

    run: ListedRun
    error: Exception

    @property
    def is_lost(self) -> bool:
        return isinstance(self.error, RPCError) and self.error.status in NOT_FOUND_STATUSES

    @property
    def reason(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


def _parse_task_key(key: str) -> tuple[str, str]:
    """Parse the case id and the run id from a task's key."""
    case_id, _, run_id = key.removeprefix(f"{AT_RISK_TASK}:").rpartition(":")
    return case_id, run_id


class HistoryArchiver:
    """Archives runs. Safe to repeat, and to stop at any moment: a run is archived as a whole or not at all."""

    def __init__(self, client: Client, database: Database, archive: RunArchive, listing: RunListing) -> None:
        self._client, self._database, self._archive, self._listing = client, database, archive, listing
        self._set_aside = SetAsideStore(database)

    async def sweep(self, now: datetime, today: date) -> ArchiveSweepResult:
        """Archive the runs that have ended and are not archived. `now` is real time, `today` the business date of a task for a run at
        risk."""
        mark = await asyncio.to_thread(self._load_mark)
        is_full_sweep = mark is None or now - mark.looked_back_at >= FULL_SWEEP_INTERVAL
        since = None if mark is None or is_full_sweep else mark.until - VISIBILITY_LAG
        closed_runs = {(run.workflow_id, run.run_id or ""): run async for run in self._listing.list_closed_runs(since)}
        archived = await asyncio.to_thread(self._archive.find_archived, closed_runs.keys())
        unarchived = [run for key, run in closed_runs.items() if key not in archived]
        listed = {run.workflow_id for run in unarchived}
        unlisted = [run for run in await asyncio.to_thread(self._list_unarchived_cases) if run.workflow_id not in listed]
        count, left = await self._archive_runs([*unarchived, *unlisted])
        await asyncio.to_thread(self._set_runs_aside, left, count)
        await asyncio.to_thread(self._close_tasks)
        at_risk = await self._warn_of_runs_at_risk(left, now, today)
        if all(run.is_lost for run in left):
            looked_back_at = now if mark is None or is_full_sweep else mark.looked_back_at
            await asyncio.to_thread(self._save_setting, SWEEP_MARK_SETTING, _SweepMark(until=now, looked_back_at=looked_back_at))
        oldest = min((unarchived_run.run.closed_at for unarchived_run in left if unarchived_run.run.closed_at), default=now)
        result = ArchiveSweepResult(
            at=now, archived=count, left=len(left), lag_seconds=max(0.0, (now - oldest).total_seconds()), at_risk=at_risk
        )
        await asyncio.to_thread(self._save_setting, LAST_SWEEP_SETTING, result)
        return result

    async def _archive_runs(self, runs: Collection[ListedRun]) -> tuple[int, list[_UnarchivedRun]]:
        """Archive runs; return how many were archived, and those that are left."""
        gate, left = asyncio.Semaphore(MAX_CONCURRENT_FETCHES), list[_UnarchivedRun]()

        async def archive(run: ListedRun) -> int:
            async with gate:
                try:
                    return await self._archive_run(run.workflow_id, run.run_id)
                except Exception as error:  # whatever keeps one run from the archive must not keep the others
                    left.append(_UnarchivedRun(run, error))
                    return 0

        counts = await asyncio.gather(*map(archive, runs))
        return sum(counts), left

    async def _archive_run(self, workflow_id: str, run_id: str | None) -> int:
        """Archive the run, by default the latest, and those before it that were continued as new; return how many. Of an open run, none."""
        if run_id is None:
            run_id = (await self._client.get_workflow_handle(workflow_id).describe()).run_id
        history = await self._client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        if not has_ended(history.events):
            return 0
        await asyncio.to_thread(self._archive.archive_history, run_id, history)
        earlier = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
        if earlier and not await asyncio.to_thread(self._archive.find_archived, {(workflow_id, earlier)}):
            try:
                return 1 + await self._archive_run(workflow_id, earlier)
            except RPCError as error:
                if error.status not in NOT_FOUND_STATUSES:
                    raise
        return 1

    def _set_runs_aside(self, left: Collection[_UnarchivedRun], archived: int) -> None:
        """Keep what could not be archived; one thing, where it is the archive that takes nothing. One that is lost is a task already."""
        failed = [unarchived for unarchived in left if not unarchived.is_lost]
        failures: dict[str, Failure | BaseException]
        if len(failed) > MOST_SINGLE_FAILURES and not archived:
            failures = {WHOLE_ARCHIVE: failed[0].error}
        else:
            accounts = self._find_accounts([unarchived.run.workflow_id for unarchived in failed])
            failures = {f"{run.workflow_id}:{run.run_id or ''}": Failure(error, accounts.get(run.workflow_id, "")) for run, error in failed}
        waiting = self._set_aside.list_waiting(SetAsideStage.HISTORY)
        self._set_aside.set_all_aside(SetAsideStage.HISTORY, failures)
        self._set_aside.settle(SetAsideStage.HISTORY, waiting.keys() - failures.keys())

    def _find_accounts(self, case_ids: Collection[str]) -> dict[str, str]:
        with self._database.reading() as session:
            rows = session.execute(select(col(Case.case_id), col(Case.account_id)).where(col(Case.case_id).in_(case_ids)))
            return {row.case_id: row.account_id for row in rows}

    def _list_unarchived_cases(self) -> list[ListedRun]:
        """List the cases that are closed, and of whose last chain of runs the archive does not have the end."""
        archived = select(col(ArchivedRun.run_id)).where(
            col(ArchivedRun.workflow_id) == col(Case.case_id),
            col(ArchivedRun.first_run_id) == col(Case.run_id),
            col(ArchivedRun.ended_as) != RunEnding.CONTINUED_AS_NEW,
        )
        closed = select(col(Case.case_id), col(Case.updated_at)).where(col(Case.outcome).is_not(None), ~archived.exists())
        with self._database.reading() as session:
            return [ListedRun(row.case_id, None, row.updated_at) for row in session.execute(closed)]

    async def _warn_of_runs_at_risk(self, left: Collection[_UnarchivedRun], now: datetime, today: date) -> int:
        """Create a task for each run that the server will delete within WARNING_LEAD_TIME; return how many such runs there are."""
        if not left:
            return 0
        service = self._client.workflow_service
        namespace = await service.describe_namespace(DescribeNamespaceRequest(namespace=self._client.namespace))
        retention = timedelta(seconds=namespace.config.workflow_execution_retention_ttl.seconds)
        at_risk = [
            unarchived
            for unarchived in left
            if unarchived.run.closed_at and unarchived.run.closed_at + retention - now <= WARNING_LEAD_TIME
        ]
        await asyncio.to_thread(self._create_tasks, at_risk, today)
        return len(at_risk)

    def _create_tasks(self, at_risk: Collection[_UnarchivedRun], today: date) -> None:
        with self._database.writing() as session:
            for unarchived in at_risk:
                run, reason = unarchived.run, unarchived.reason
                case = session.get(Case, run.workflow_id)
                task = Task(
                    key=f"{AT_RISK_TASK}:{run.workflow_id}:{run.run_id or ''}",
                    kind=AT_RISK_TASK,
                    account_id=case.account_id if case else "",
                    invoice_id=case.invoice_id if case else None,
                    role="admin",
                    due_on=today,
                    outcome=reason[:500],
                )
                session.execute(self._database.build_insert_or_ignore(Task), [task.model_dump(exclude={"id"})])

    def _close_tasks(self) -> None:
        """Close the tasks of runs that are archived by now."""
        with self._database.reading() as session:
            keys = session.scalars(select(col(Task.key)).where(col(Task.kind) == AT_RISK_TASK, col(Task.state) == TaskState.OPEN)).all()
        task_keys = {(case_id, run_id): f"{AT_RISK_TASK}:{case_id}:{run_id}" for case_id, run_id in map(_parse_task_key, keys)}
        if archived := self._archive.find_archived(task_keys.keys()):
            with self._database.writing() as session:
                done = update(Task).where(col(Task.key).in_([task_keys[run] for run in archived]))
                session.execute(done.values(state=TaskState.DONE, closed_by=SYSTEM))

    def _load_mark(self) -> _SweepMark | None:
        with self._database.reading() as session:
            row = session.get(Setting, SWEEP_MARK_SETTING)
            return _SweepMark.model_validate(row.value) if row else None

    def _save_setting(self, name: str, value: BaseModel) -> None:
        with self._database.writing() as session:
            session.merge(Setting(name=name, value=value.model_dump(mode="json")))
