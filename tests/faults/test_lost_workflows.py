"""Workflows that the server terminates or loses: the standing check finds each, and it goes on from its journal, in one chain."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionDescription
from temporalio.service import RPCError, RPCStatusCode

from adapters.audit.audit_service import AuditService
from adapters.audit.verification.verification import Verification
from adapters.case_check.case_checker import CaseChecker, CaseCheckResult
from adapters.case_check.expected_cases import REST
from adapters.database.engine import Database
from domain import identifiers as ids
from domain.audit.replay_report import RunSource
from domain.audit.verification_report import VerificationFinding
from domain.invoice.commands import MakePromise, PauseCollection
from tests.faults.due_letters import NOON, TODAY, DueInvoice, import_due_invoices, noon_clock
from tests.faults.fault_environment import FaultEnvironment, start_fault_environment
from tests.faults.journal_snapshot import JournalSnapshot
from tests.patience import PATIENCE
from worker import WORKFLOWS, build_case_checker

ACCOUNT = "LOST"
BILLS = [DueInvoice(f"INV-{number}", ACCOUNT) for number in range(4)]
CASES = [ids.invoice_case_id(bill.number) for bill in BILLS]
TERMINATED, DELETED, PAID, LEFT_ALONE = CASES
PROMISE = MakePromise(act_id="p", actor="mia", amount=10_000, by=TODAY + timedelta(days=3))


async def describe(environment: FaultEnvironment, case_id: str) -> WorkflowExecutionDescription | None:
    """None for a workflow that the server does not know."""
    try:
        return await environment.client.get_workflow_handle(case_id).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


async def delete(environment: FaultEnvironment, case_id: str) -> None:
    execution = WorkflowExecution(workflow_id=case_id)
    request = DeleteWorkflowExecutionRequest(namespace=environment.client.namespace, workflow_execution=execution)
    await environment.client.workflow_service.delete_workflow_execution(request)
    for _ in range(PATIENCE):
        if await describe(environment, case_id) is None:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"the server does not delete {case_id}")


async def check_until_found(checker: CaseChecker, case_ids: set[str]) -> CaseCheckResult:
    """The server's list lags behind."""
    found = CaseCheckResult()
    for _ in range(PATIENCE):
        result = await checker.check(datetime.now(UTC) + REST)
        found.begun_again += result.begun_again
        if set(found.begun_again) >= case_ids:
            return found
        await asyncio.sleep(0.2)
    raise AssertionError(f"only {found.begun_again} were found")


def verify_records(database: Database) -> list[VerificationFinding]:
    """What is wrong, but for the seals: no day is over."""
    return [fault for fault in Verification(database).run().faults if fault.table != "seals"]


@pytest.mark.usefixtures("forgetful_server")
async def test_what_the_server_terminated_or_lost_is_begun_again_and_goes_on_in_one_chain(database: Database, tmp_path: Path) -> None:
    async with start_fault_environment(database, tmp_path / "data", noon_clock()) as environment:
        await environment.start_worker()
        client, checker = environment.client, build_case_checker(environment.client, environment.parts)
        journals = JournalSnapshot(environment)
        import_due_invoices(environment.parts, BILLS, tmp_path)
        await client.execute_workflow("BillingSync", id="opening", task_queue=ids.TASK_QUEUE)
        await journals.wait_for_entries("letter.requested", CASES)
        for case_id in CASES:
            await client.get_workflow_handle(case_id).execute_update("make_promise", PROMISE)
        await journals.wait_for_entries("letter.withdrawn", CASES)
        await environment.wait_for_rest(CASES)
        assert (await checker.check(datetime.now(UTC) + REST)).begun_again == []

        await client.get_workflow_handle(TERMINATED).terminate("by mistake")
        await asyncio.gather(delete(environment, DELETED), delete(environment, PAID))
        found = await check_until_found(checker, {TERMINATED, DELETED, PAID})
        assert sorted(found.begun_again) == [TERMINATED, DELETED, PAID]
        assert found.cannot_go_on == {}

        receipt = await client.get_workflow_handle(DELETED).execute_update("make_promise", PROMISE)
        assert receipt["repeated"], "what the lost run had heard is known"
        pause = PauseCollection(act_id="q", actor="mia", reason="r")
        await client.get_workflow_handle(TERMINATED).execute_update("pause", pause)
        environment.parts.billing.record_payment("P", ACCOUNT, "EUR", 10_000, TODAY, invoice_id=BILLS[2].number, at=NOON)
        await client.execute_workflow("BillingSync", id="paying", task_queue=ids.TASK_QUEUE)
        await asyncio.wait_for(client.get_workflow_handle(PAID).result(), PATIENCE)
        await environment.wait_for_rest(CASES)
        report = await AuditService(client, database, environment.parts.settings, WORKFLOWS).replay(ACCOUNT)

    chains = {case_id: [entry.kind.value for entry in chain] for case_id, chain in journals.read_chains().items()}
    opened = ["case.opened", "step.taken", "letter.requested", "promise.made", "hold.placed", "letter.withdrawn"]
    assert chains[LEFT_ALONE] == opened
    assert chains[DELETED] == [*opened, "case.recovered"]
    assert chains[TERMINATED] == [*opened, "case.recovered", "hold.placed"]
    assert chains[PAID][6:] == ["case.recovered", "payment.received", "promise.kept", "hold.lifted", "case.closed"]
    assert report.differences == []
    assert {run.source for run in report.unreplayed_runs} == {RunSource.LOST}, "of what was deleted no history is left, and that is said"
    assert verify_records(database) == []
