"""What the house does for itself, played to be recorded: the erasure of accounts, the daily seal, and the archive of histories."""

from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio.worker import Worker

from activities.case_check import CaseCheckActivities
from activities.history_archive import HistoryArchiveActivities
from adapters.audit.erasure import AccountEraser
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.archive_sweep import HistoryArchiver
from adapters.case_check.case_checker import CaseChecker
from adapters.case_check.next_run_loader import NextRunLoader
from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.temporal.case_commands import TemporalCaseCommands
from adapters.temporal.case_start import CaseStart
from domain import identifiers as ids
from domain.case.command import CommandReceipt
from domain.erasure.commands import EraseAccount
from domain.erasure.report import DEFAULT_RETENTION_YEARS
from domain.erasure.workflow_input import ErasureInput
from tests.time_skipping_runs import TimeSkippingRuns
from tests.workflows.collection_environment import CollectionEnvironment
from worker import build_workflow_runner
from workflows.account_erasure import Erasing
from workflows.daily_seal import DailySeal
from workflows.history_archive import HistoryArchive
from workflows.standing_check import StandingCheck

ARCHIVE = "archive"
"""A task queue of its own: its worker lists runs as that server can, which knows no visibility queries."""


async def keep_house_lives(environment: CollectionEnvironment) -> AsyncIterator[tuple[str, str]]:
    """The workflow whose latest run is to be kept, and the beginning of its file's name."""
    invoice, _ = await environment.open_reminded_invoice()
    account = environment.account_and_currency(invoice)[0]
    case = ids.erasure_case_id(account)
    await _ask_by_signal(environment, account)
    yield case, "erasing.refused"
    await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    await environment.pass_to(await environment.today() + timedelta(days=(DEFAULT_RETENTION_YEARS + 1) * 366))
    await _ask(environment, account, "erasure:2")
    yield case, "erasing.erased"
    await _seal(environment)
    yield ids.DAILY_SEAL_ID, ids.DAILY_SEAL_ID
    await _archive(environment)
    yield ids.HISTORY_ARCHIVE_ID, ids.HISTORY_ARCHIVE_ID


def _act(account: str, act_id: str) -> EraseAccount:
    return EraseAccount(act_id=act_id, actor="adam", account_id=account)


def _opening(environment: CollectionEnvironment, account: str) -> ErasureInput:
    return AccountEraser(environment.database, DEFAULT_RETENTION_YEARS).build_workflow_input(account, environment.play.parts.clock)


async def _ask_by_signal(environment: CollectionEnvironment, account: str) -> None:
    """While its invoice is open."""
    with environment.play.environment.auto_time_skipping_disabled():
        handle = await environment.play.client.start_workflow(
            Erasing.run,
            _opening(environment, account),
            id=ids.erasure_case_id(account),
            task_queue=ids.TASK_QUEUE,
            start_signal="erasure_wanted",
            start_signal_args=[_act(account, "erasure:1")],
        )
        await handle.result()


async def _ask(environment: CollectionEnvironment, account: str, act_id: str) -> None:
    """As the API does."""
    beginning = CaseStart(ids.WorkflowName.ERASING, ids.erasure_case_id(account), _opening(environment, account), account)
    answer = await TemporalCaseCommands(environment.play.client).submit_or_start_case(beginning, _act(account, act_id))
    assert isinstance(answer, CommandReceipt), "no worker answered in time"
    with environment.play.environment.auto_time_skipping_disabled():
        await environment.play.client.get_workflow_handle(beginning.case_id).result()


async def _seal(environment: CollectionEnvironment) -> None:
    with environment.play.environment.auto_time_skipping_disabled():
        await environment.play.client.execute_workflow(DailySeal.run, id=ids.DAILY_SEAL_ID, task_queue=ids.TASK_QUEUE)


async def _archive(environment: CollectionEnvironment) -> None:
    client = environment.play.client
    export = HistoryArchiver(client, environment.database, RunArchive(environment.database), TimeSkippingRuns(client))
    archiving = HistoryArchiveActivities(export, environment.play.parts.clock)
    worker = Worker(
        client,
        task_queue=ARCHIVE,
        workflows=[HistoryArchive],
        activities=[archiving.archive_histories],
        workflow_runner=build_workflow_runner(),
    )
    async with worker:
        with environment.play.environment.auto_time_skipping_disabled():
            swept = await client.execute_workflow(HistoryArchive.run, id=ids.HISTORY_ARCHIVE_ID, task_queue=ARCHIVE)
    assert (swept.left, swept.at_risk) == (0, 0), swept


async def check_cases(environment: CollectionEnvironment) -> None:
    """The standing check, which finds nothing amiss."""
    client, parts = environment.play.client, environment.play.parts
    inputs = InvoiceInputLoader(parts.database, parts.policies, parts.clock)
    next_runs = NextRunLoader(parts.database, parts.policies, parts.clock)
    checking = CaseCheckActivities(CaseChecker(client, parts.database, TimeSkippingRuns(client), next_runs, inputs))
    async with Worker(
        client, task_queue=ARCHIVE, workflows=[StandingCheck], activities=[checking.check_cases], workflow_runner=build_workflow_runner()
    ):
        with environment.play.environment.auto_time_skipping_disabled():
            found = await client.execute_workflow(StandingCheck.run, id=ids.STANDING_CHECK_ID, task_queue=ARCHIVE)
    assert found.begun_again == [], found
