"""What the house does for itself, played to be recorded: the erasure of accounts, the daily seal, and the archive of histories."""

from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio.worker import Worker

from activities.history_archive import Archiving
from adapters.audit.erasure import Erasure
from adapters.audit.histories.archive import ArchivedRuns
from adapters.audit.histories.archiving import HistoryExport
from adapters.temporal.case_commands import TemporalCases
from adapters.temporal.case_start import Beginning
from domain import identifiers as ids
from domain.case.command import Receipt
from domain.erasure.commands import EraseAccount
from domain.erasure.report import RETENTION_YEARS
from domain.erasure.workflow_input import ERASING, ErasureOpening
from tests.time_skipping_runs import RunsOfTheTestServer
from tests.workflows.stage import Stage
from worker import workflow_runner
from workflows.account_erasure import Erasing
from workflows.daily_seal import DailySeal
from workflows.history_archive import HistoryArchive

ARCHIVE = "archive"
"""A task queue of its own: its worker lists runs as that server can, which knows no visibility queries."""


async def keep_house_lives(stage: Stage) -> AsyncIterator[tuple[str, str]]:
    """The workflow whose latest run is to be kept, and the beginning of its file's name."""
    invoice, _ = await stage.reminded()
    account = stage.terms(invoice)[0]
    case = ids.erasure_case(account)
    await _ask_by_signal(stage, account)
    yield case, "erasing.refused"
    await stage.pay(invoice, 10_000)
    await stage.outcome(invoice)
    await stage.pass_to(await stage.today() + timedelta(days=(RETENTION_YEARS + 1) * 366))
    await _ask(stage, account, "erasure:2")
    yield case, "erasing.erased"
    await _seal(stage)
    yield ids.DAILY_SEAL, ids.DAILY_SEAL
    await _archive(stage)
    yield ids.HISTORY_ARCHIVE, ids.HISTORY_ARCHIVE


def _act(account: str, act_id: str) -> EraseAccount:
    return EraseAccount(act_id=act_id, actor="adam", account_id=account)


def _opening(stage: Stage, account: str) -> ErasureOpening:
    return Erasure(stage.database, RETENTION_YEARS).opening(account, stage.play.parts.clock)


async def _ask_by_signal(stage: Stage, account: str) -> None:
    """While its invoice is open."""
    with stage.play.environment.auto_time_skipping_disabled():
        handle = await stage.play.client.start_workflow(
            Erasing.run, _opening(stage, account), id=ids.erasure_case(account), task_queue=ids.TASK_QUEUE,
            start_signal="erasure_wanted", start_signal_args=[_act(account, "erasure:1")],
        )  # fmt: skip
        await handle.result()


async def _ask(stage: Stage, account: str, act_id: str) -> None:
    """As the API does."""
    beginning = Beginning(ERASING, ids.erasure_case(account), _opening(stage, account), account)
    answer = await TemporalCases(stage.play.client).act_or_begin(beginning, _act(account, act_id))
    assert isinstance(answer, Receipt), "no worker answered in time"
    with stage.play.environment.auto_time_skipping_disabled():
        await stage.play.client.get_workflow_handle(beginning.case_id).result()


async def _seal(stage: Stage) -> None:
    with stage.play.environment.auto_time_skipping_disabled():
        await stage.play.client.execute_workflow(DailySeal.run, id=ids.DAILY_SEAL, task_queue=ids.TASK_QUEUE)


async def _archive(stage: Stage) -> None:
    client = stage.play.client
    export = HistoryExport(client, stage.database, ArchivedRuns(stage.database), RunsOfTheTestServer(client))
    archiving = Archiving(export, stage.play.parts.clock)
    worker = Worker(
        client, task_queue=ARCHIVE, workflows=[HistoryArchive], activities=[archiving.archive_histories], workflow_runner=workflow_runner()
    )
    async with worker:
        with stage.play.environment.auto_time_skipping_disabled():
            swept = await client.execute_workflow(HistoryArchive.run, id=ids.HISTORY_ARCHIVE, task_queue=ARCHIVE)
    assert (swept.left, swept.at_risk) == (0, 0), swept
