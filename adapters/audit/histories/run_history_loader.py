"""The runs of a case, one after the other, each with its history: from the server while that has it, else from the archive."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from adapters.audit.histories.archive import ArchiveDamagedError, RunArchive, event_time, has_ended
from adapters.audit.histories.object_store import ArchiveStoreError
from adapters.temporal.visibility import ListedRun, RunListing
from domain.audit.replay_report import RunSource
from domain.refusal import Refusal

MAX_CONCURRENT_FETCHES = 8
"""Histories fetched at the same time."""

NOT_FOUND_STATUSES = (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT)
"""The server's answers about a run that it does not have, or whose id is invalid."""

LOST_HISTORY = Refusal("replay.lost", "neither the Temporal server nor the archive has its history")
OPEN_TASK_EVENTS = (EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED)


@dataclass(frozen=True)
class RunHistory:
    """A run with its history, None for a run that is lost; then `unavailable_reason` is set. Times are real."""

    case_id: str
    run_id: str
    source: RunSource
    history: WorkflowHistory | None = None
    unavailable_reason: str = ""

    @property
    def workflow_type(self) -> str:
        return self.history.events[0].workflow_execution_started_event_attributes.workflow_type.name if self.history else ""

    @property
    def started_at(self) -> datetime | None:
        return event_time(self.history.events[0]) if self.history else None

    @property
    def closed_at(self) -> datetime | None:
        return event_time(self.history.events[-1]) if self.history and has_ended(self.history.events) else None

    @property
    def continued_from(self) -> str | None:
        if self.history is None:
            return None
        return self.history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id or None

    @property
    def begun_again_from(self) -> str | None:
        """The run that was lost, where this one begins its case again."""
        started = self.history.events[0].workflow_execution_started_event_attributes if self.history else None
        content = started.input.payloads[0].data if started and started.input.payloads else b""
        recovery = json.loads(content).get("recovery") if b'"recovery":{' in content else None
        return recovery["run_id"] or None if recovery else None

    @property
    def continued_in(self) -> str | None:
        """The run that continues this one as new."""
        if self.history is None:
            return None
        return self.history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id or None

    @property
    def neighbours(self) -> set[str]:
        """The ids of the runs that this one names: the one before it, and the one after it."""
        return {run_id for run_id in (self.continued_from, self.begun_again_from, self.continued_in) if run_id}

    @property
    def has_open_task(self) -> bool:
        """True when the history ends within a workflow task."""
        return self.history is not None and self.history.events[-1].event_type in OPEN_TASK_EVENTS


class RunHistoryLoader:
    """Loads histories from the server while it has them, else from the archive."""

    def __init__(self, client: Client, archive: RunArchive, listing: RunListing) -> None:
        self._client, self._archive, self._listing = client, archive, listing

    async def list_cases(self, account_id: str) -> dict[str, set[str]]:
        """List the account's cases on the server or in the archive, with the ids of their runs."""
        run_ids: dict[str, set[str]] = {}
        for row in await asyncio.to_thread(self._archive.list_account_runs, account_id):
            run_ids.setdefault(row.workflow_id, set()).add(row.run_id)
        async for run in self._listing.list_account_runs(account_id):
            run_ids.setdefault(run.workflow_id, set()).add(run.run_id or "")
        return run_ids

    async def load_runs(self, case_id: str, known_run_ids: Iterable[str] = ()) -> list[RunHistory]:
        """Load a case's runs in the order in which they began, lost ones first. `known_run_ids`: those that the caller knows of.

        A run that visibility does not list yet is found from its neighbours: a run names the one before it, and the one that continues it.
        """
        pending_ids, loaded = set(known_run_ids), dict[str, RunHistory]()
        if not pending_ids:
            pending_ids = {row.run_id for row in await asyncio.to_thread(self._archive.list_case_runs, case_id)}
            pending_ids |= {run.run_id or "" async for run in self._listing.list_case_runs(case_id)}
        while pending_ids:
            for run in await self._load_all(case_id, pending_ids):
                loaded[run.run_id] = run
            neighbours = {run_id for run in loaded.values() for run_id in run.neighbours}
            pending_ids = neighbours - loaded.keys()
        return sorted(loaded.values(), key=lambda run: (run.started_at is not None, run.started_at))

    async def _load_all(self, case_id: str, run_ids: Iterable[str]) -> list[RunHistory]:
        gate = asyncio.Semaphore(MAX_CONCURRENT_FETCHES)

        async def load(run_id: str) -> RunHistory:
            async with gate:
                return await self.load_run(case_id, run_id)

        return list(await asyncio.gather(*map(load, run_ids)))

    async def load_run(self, case_id: str, run_id: str) -> RunHistory:
        """Load one run; a lost or damaged one has no history. Raises RPCError when the server does not answer."""
        try:
            history = await self._client.get_workflow_handle(case_id, run_id=run_id).fetch_history()
            return RunHistory(case_id, run_id, RunSource.LIVE, history)
        except RPCError as error:
            if error.status not in NOT_FOUND_STATUSES:
                raise
        try:
            archived = await asyncio.to_thread(self._archive.load_history, case_id, run_id)
        except (ArchiveDamagedError, ArchiveStoreError) as error:
            return RunHistory(case_id, run_id, RunSource.ARCHIVED, unavailable_reason=str(error))
        if archived is None:
            return RunHistory(case_id, run_id, RunSource.LOST, unavailable_reason=LOST_HISTORY)
        return RunHistory(case_id, run_id, RunSource.ARCHIVED, archived)


__all__ = ["ListedRun", "RunHistory", "RunHistoryLoader"]
