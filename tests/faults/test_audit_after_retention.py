"""The real Temporal server deletes what it kept long enough. An auditor replays the account all the same, from the archive.

A business day lasts half a minute, and it is Monday morning: the hour is noise, and the weekend is far.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from adapters.audit.audit_service import AuditService
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.archive_sweep import AT_RISK_TASK, HistoryArchiver
from adapters.audit.histories.object_store import ArchiveStoreError
from adapters.database.engine import Database
from adapters.database.tables import Case, Task
from adapters.temporal.client import set_history_retention
from adapters.temporal.visibility import VisibilityRunListing
from domain import identifiers as ids
from domain.audit.archive_status import ArchiveSweepResult
from domain.audit.replay_report import EntryVerdict, RunSource
from domain.clock import Clock
from tests.faults.due_letters import NOON, TODAY, DueInvoice, count_letters_by_state, count_requests_by_state, import_due_invoices
from tests.faults.fault_environment import FaultEnvironment, start_fault_environment
from tests.patience import PATIENCE
from worker import WORKFLOWS
from workflows.history_archive import HistoryArchive

ACCOUNT = "LANG-AGO"
BILLS = [DueInvoice(f"INV-{number}", ACCOUNT) for number in range(3)]
CASES = {ids.invoice_case_id(bill.number) for bill in BILLS}
DAY, DAY_SECONDS = timedelta(days=1), 30.0
MONDAY_MORNING = NOON - DAY - timedelta(hours=4)
RETENTION_DAYS = 30


async def run(environment: FaultEnvironment, workflow: str, name: str) -> None:
    await environment.client.execute_workflow(workflow, id=name, task_queue=ids.TASK_QUEUE)


async def lived(environment: FaultEnvironment, folder: Path) -> None:
    """The account's invoices are opened, reminded in one letter, paid, and closed."""
    import_due_invoices(environment.parts, BILLS, folder)
    await run(environment, "BillingSync", "opening")
    await environment.wait_until(
        lambda: count_requests_by_state(environment.database) == {"pending": len(BILLS)}, "reminders are asked for"
    )
    for number in range(PATIENCE):  # at night until the morning comes
        await run(environment, "CorrespondenceRun", f"letters-{number}")
        if count_letters_by_state(environment.database) == {"sent": 1}:
            break
        await asyncio.sleep(0.5)
    for bill in BILLS:
        environment.parts.billing.record_payment(f"P-{bill.number}", ACCOUNT, "EUR", 10_000, TODAY, invoice_id=bill.number, at=NOON)
    await run(environment, "BillingSync", "paying")
    await asyncio.gather(*(asyncio.wait_for(environment.client.get_workflow_handle(case).result(), PATIENCE) for case in CASES))


async def closed_runs(client: Client) -> list[tuple[str, str]]:
    """(case, run) of the account, once the server's list, which lags, has them all."""
    for _ in range(PATIENCE):
        found = [(listed.workflow_id, listed.run_id or "") async for listed in VisibilityRunListing(client).list_closed_runs(None)]
        if {case for case, _ in found} == CASES:
            return found
        await asyncio.sleep(0.5)
    raise AssertionError("the server never lists what has ended")


async def delete(client: Client, runs: Sequence[tuple[str, str]]) -> None:
    """What retention does; until the server knows nothing of them."""
    for case, run_id in runs:
        execution = WorkflowExecution(workflow_id=case, run_id=run_id)
        request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
        await client.workflow_service.delete_workflow_execution(request)
    for case, run_id in runs:
        await _forgotten(client, case, run_id)


async def _forgotten(client: Client, case: str, run_id: str) -> None:
    for _ in range(PATIENCE):
        try:
            await client.get_workflow_handle(case, run_id=run_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return
            raise
        await asyncio.sleep(0.5)
    raise AssertionError(f"the server does not delete {case}, run {run_id}")


class UnreachableBucket:
    def put(self, key: str, content: bytes) -> None:
        raise ArchiveStoreError(f"the archive's bucket takes no {key}")

    def get(self, key: str) -> bytes | None:
        return None

    def exists(self, key: str) -> bool:
        return False


async def swept_in_vain(environment: FaultEnvironment, now: datetime) -> ArchiveSweepResult:
    archive = RunArchive(environment.database, UnreachableBucket())
    return await HistoryArchiver(environment.client, environment.database, archive, VisibilityRunListing(environment.client)).sweep(
        now, TODAY
    )


def alarms(database: Database) -> set[tuple[str, str, str | None]]:
    with database.reading() as session:
        tasks = session.scalars(select(Task).where(col(Task.kind) == AT_RISK_TASK))
        return {(task.role, task.account_id, task.invoice_id) for task in tasks}


@pytest.mark.usefixtures("forgetful_server")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_an_account_replays_from_the_archive_alone_when_the_server_has_deleted_its_runs(database: Database, tmp_path: Path) -> None:
    clock = Clock(real_anchor=datetime.now(UTC), business_anchor=MONDAY_MORNING, day_seconds=DAY_SECONDS)
    async with start_fault_environment(database, tmp_path / "data", clock) as environment:
        await set_history_retention(environment.client, RETENTION_DAYS)
        await environment.start_worker()
        await lived(environment, tmp_path)
        auditor = AuditService(environment.client, database, environment.parts.settings, WORKFLOWS)
        live = await auditor.replay(ACCOUNT)
        runs = await closed_runs(environment.client)

        now = datetime.now(UTC)
        assert (await swept_in_vain(environment, now)).at_risk == 0
        assert alarms(database) == set()
        assert (await swept_in_vain(environment, now + (RETENTION_DAYS - 1) * DAY)).at_risk == len(CASES)
        assert alarms(database) == {("admin", ACCOUNT, bill.number) for bill in BILLS}

        swept = await environment.client.execute_workflow(HistoryArchive.run, id="archive", task_queue=ids.TASK_QUEUE)
        assert (swept.archived, swept.left, swept.at_risk) == (len(CASES), 0, 0)
        await delete(environment.client, runs)
        report = await auditor.replay(ACCOUNT)

    assert (live.flawless, report.flawless) == (True, True)
    assert {run.source for case in live.cases for run in case.runs} == {RunSource.LIVE}
    assert {run.source for case in report.cases for run in case.runs} == {RunSource.ARCHIVED}
    assert {case.case_id for case in report.cases} == CASES
    assert [case.counts for case in report.cases] == [{EntryVerdict.MATCHED: entries(database, case.case_id)} for case in report.cases]


def entries(database: Database, case_id: str) -> int:
    with database.reading() as session:
        return session.get_one(Case, case_id).seq
