"""An auditor at the end of a play: every account is replayed from the server, and every third one as after its retention, when the archive
gives back each history as the server had it; and accounts are shown at some days."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import cast

from sqlalchemy import select
from sqlmodel import col
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client

from adapters.audit.histories.account_replay import AccountReplayer
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.archive_sweep import HistoryArchiver
from adapters.audit.histories.replayer import HistoryReplayer
from adapters.audit.histories.run_history_loader import RunHistory, RunHistoryLoader
from adapters.database.engine import Database
from adapters.database.tables import Case
from adapters.journal.account_state import AccountStateQuery
from adapters.temporal.visibility import RunListing
from domain.audit.replay_report import ReplayReport, RunSource
from tests.time_skipping_play import TimeSkippingPlay
from tests.time_skipping_runs import ExpiredClosedRunsClient, OpenTimeSkippingRuns, TimeSkippingRuns
from worker import WORKFLOWS

SEED, DAYS, EVERY = 20130601, 3, 3


class _Remembering(RunHistoryLoader):
    """It remembers what it gave: to read a history from the archive takes longer than to replay it."""

    def __init__(self, client: Client, archive: RunArchive, listing: RunListing) -> None:
        super().__init__(client, archive, listing)
        self.given: list[RunHistory] = []

    async def load_runs(self, case_id: str, known_run_ids: Iterable[str] = ()) -> list[RunHistory]:
        runs = await super().load_runs(case_id, known_run_ids)
        self.given += runs
        return runs


async def find_replay_flaws(play: TimeSkippingPlay) -> list[str]:
    """What the replay of every account finds, in words; of some of them again, when all that has ended lies in the archive alone."""
    client, database = play.client, play.parts.database
    archive, listing = RunArchive(database), TimeSkippingRuns(client)
    entries = _Remembering(client, archive, listing)
    played = await asyncio.to_thread(list_accounts, database)
    live = await _replay(database, entries, played)
    swept = await HistoryArchiver(client, database, archive, listing).sweep(datetime.now(UTC), (await play.now()).date())
    assert (swept.left, swept.at_risk) == (0, 0)
    later = _Remembering(cast("Client", ExpiredClosedRunsClient(client)), archive, OpenTimeSkippingRuns(client))
    archived = await _replay(database, later, played[::EVERY])
    assert _sources(live) == {(RunSource.LIVE, True), (RunSource.LIVE, False)}
    assert _sources(archived) == {(RunSource.ARCHIVED, True), (RunSource.LIVE, False)}
    assert _told(live[::EVERY]) == _told(archived)
    return [*_failed(entries.given), *_found(live), *_found(archived), *await _kept_otherwise(entries.given, later)]


async def _replay(database: Database, entries: RunHistoryLoader, of: list[str]) -> list[ReplayReport]:
    replay = AccountReplayer(database, entries, HistoryReplayer(WORKFLOWS))
    return [await replay.replay_account(account) for account in of]


async def _kept_otherwise(given: list[RunHistory], later: _Remembering) -> list[str]:
    """Runs of which the archive has another history than the server."""
    known = {run.run_id: run.history.events for run in given if run.history}
    for case_id in sorted({run.case_id for run in given} - {run.case_id for run in later.given}):
        await later.load_runs(case_id)
    archived = [run for run in later.given if run.source is RunSource.ARCHIVED]
    assert archived
    return [f"{run.case_id} is kept otherwise" for run in archived if not run.history or run.history.events != known[run.run_id]]


def list_accounts(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(col(Case.account_id)).distinct().order_by(col(Case.account_id))))


def _found(reports: list[ReplayReport]) -> list[str]:
    """Every case was replayed, and nothing differs."""
    lost = [f"{case.case_id} has no run" for report in reports for case in report.cases if not case.runs]
    not_replayed = [f"{report.account_id}: {run.why_not}" for report in reports for run in report.unreplayed_runs]
    return [*lost, *not_replayed, *(finding.model_dump_json() for report in reports for finding in report.differences)]


def _sources(reports: list[ReplayReport]) -> set[tuple[RunSource, bool]]:
    """Where runs came from, and whether they have ended."""
    return {(run.source, run.closed_at is not None) for report in reports for case in report.cases for run in case.runs}


def _told(reports: list[ReplayReport]) -> dict[str, tuple[int, int]]:
    """Of each case the number of its runs, and of their entries."""
    return {case.case_id: (len(case.runs), sum(case.counts.values())) for report in reports for case in report.cases}


LAWFUL = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
"""News came in the moment in which the case ended: the server has the task done again."""


def _failed(runs: Iterable[RunHistory]) -> list[str]:
    """Workflow tasks that came to nothing by themselves."""
    return [
        f"{run.case_id} failed: {event.workflow_task_failed_event_attributes.failure.message}"
        for run in runs
        for event in (run.history.events if run.history else ())
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED and event.workflow_task_failed_event_attributes.cause != LAWFUL
    ]


def count_past_states(database: Database, first: date, last: date) -> int:
    """Of every account the standing on a few days can be told; how many were."""
    chance, reading = Random(SEED), AccountStateQuery(database)
    days = [
        (account, first + timedelta(days=chance.randrange((last - first).days))) for account in list_accounts(database) for _ in range(DAYS)
    ]
    return sum(reading.load_state(account, day).account_id == account for account, day in days)
