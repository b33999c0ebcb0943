"""More signals at once than a case can take in as they come, while its journal waits for the database and its worker is stopped."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType, PendingWorkflowTaskState, WorkflowTaskFailedCause
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError

from adapters.audit.audit_service import AuditService
from adapters.audit.verification.verification import Verification
from adapters.database.engine import Database
from adapters.database.tables import JournalEntry
from adapters.temporal.client import set_history_retention, signal_clock_change
from adapters.temporal.embedded_server import TemporalServer
from domain import identifiers as ids
from domain.invoice.commands import AddNote
from domain.journal.entry_kinds import EntryKind
from tests.faults.due_letters import DueInvoice, import_due_invoices, noon_clock
from tests.faults.fault_environment import FaultEnvironment, start_fault_environment
from tests.faults.journal_snapshot import JournalSnapshot
from tests.patience import Looks
from tests.processes.commands import CommandProcess
from worker import WORKFLOWS

ACCOUNT = "BURST"
BILLS = [DueInvoice("INV-1", ACCOUNT), DueInvoice("INV-2", "OTHER")]
CROWDED, OTHER = (ids.invoice_case_id(bill.number) for bill in BILLS)

MOST_SIGNALS, NEXT_RUN_AT = 400, 160
"""Of a run, and after how many events a case is to go on in a new one: a 25th of what servers have."""

RETENTION_DAYS = 90
"""Less than three, and `duecourse worker` does not begin."""

FIRST, MEANWHILE, AFTERWARDS = range(1), range(1, 300), range(300, 800)
"""Notes by number. Of those that come while a task is under way, a server keeps a hundred; then it fails the task. Those that come when no
worker is left are more than it takes."""


@pytest.fixture
def narrow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes fewer signals a run than others."""
    arguments = TemporalServer._build_arguments
    limits = {"history.maximumSignalsPerExecution": MOST_SIGNALS, "limit.historyCount.suggestContinueAsNew": NEXT_RUN_AT}
    told = [part for name, limit in limits.items() for part in ("--dynamic-config-value", f"{name}={limit}")]
    monkeypatch.setattr(TemporalServer, "_build_arguments", lambda server: [*arguments(server), *told])


@contextmanager
def held_journal(database: Database) -> Iterator[None]:
    """Nothing is written to the journal for as long as the block lasts."""
    with database.writing() as session:
        session.connection()
        if not database.is_sqlite:
            session.execute(text(f"LOCK TABLE {JournalEntry.__tablename__} IN EXCLUSIVE MODE"))
        yield


def start_worker(environment: FaultEnvironment) -> CommandProcess:
    """`duecourse worker`, once it works."""
    with (environment.parts.settings.data_dir / "worker.log").open("a") as errors:
        process = CommandProcess("worker", environment=environment.worker_environment, errors=errors)
    assert any("ready for the work of" in line for line in process.stdout), "the worker ended as it started"
    return process


async def send_notes(case: WorkflowHandle[object, object], numbers: range) -> set[str]:
    """Send them at full speed; return those that the server took."""

    async def send(number: int) -> str | None:
        name = f"note:{number}"
        try:
            await case.signal("note_added", AddNote(act_id=name, actor="mia", note_id=name))
        except RPCError:
            return None
        return name

    return set(filter(None, await asyncio.gather(*map(send, numbers))))


async def wait_for_task(case: WorkflowHandle[object, object]) -> None:
    """Until a worker is at the case's task."""
    async for _ in Looks():
        task = (await case.describe()).raw_description.pending_workflow_task
        if task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED:
            return
    raise AssertionError("no worker took the task")


def count_failed_tasks(history: WorkflowHistory) -> Counter[str]:
    """By cause."""
    failed = [event for event in history.events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED]
    return Counter(WorkflowTaskFailedCause.Name(event.workflow_task_failed_event_attributes.cause) for event in failed)


@pytest.mark.usefixtures("narrow_server")
async def test_a_burst_while_the_worker_is_stopped_is_journalled_once_or_refused(database: Database, tmp_path: Path) -> None:
    clock = noon_clock()
    async with start_fault_environment(database, tmp_path / "data", clock) as environment:
        client, parts, journals = environment.client, environment.parts, JournalSnapshot(environment)
        await set_history_retention(client, RETENTION_DAYS)
        import_due_invoices(parts, BILLS, tmp_path)
        worker = await asyncio.to_thread(start_worker, environment)
        await client.execute_workflow("BillingSync", id="opening", task_queue=ids.TASK_QUEUE)
        await journals.wait_for_entries(EntryKind.CASE_OPENED, [CROWDED, OTHER])
        case = client.get_workflow_handle(CROWDED)
        first_run = (await case.describe()).run_id

        with held_journal(database):
            taken = await send_notes(case, FIRST)
            await wait_for_task(case)
            taken |= await send_notes(case, MEANWHILE)
            worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait) == 0
        assert len(taken) == len(FIRST) + len(MEANWHILE)
        taken |= await send_notes(case, AFTERWARDS)
        assert MOST_SIGNALS <= len(taken) < AFTERWARDS.stop

        assert list(await signal_clock_change(client, clock)) == [CROWDED]  # as a start does, whom it keeps from nothing
        worker = await asyncio.to_thread(start_worker, environment)
        await journals.wait_for_entries(EntryKind.NOTE_ADDED, [CROWDED], len(taken))
        await case.execute_update("add_note", AddNote(act_id="later", actor="mia", note_id="later"))
        assert await signal_clock_change(client, clock) == {}
        await journals.wait_for_entries(EntryKind.CLOCK_SET, [CROWDED])
        await journals.wait_for_entries(EntryKind.CLOCK_SET, [OTHER], 2)

        await environment.wait_for_rest([CROWDED])
        failed = count_failed_tasks(await client.get_workflow_handle(CROWDED, run_id=first_run).fetch_history())
        report = await AuditService(client, database, parts.settings, WORKFLOWS).replay(ACCOUNT)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait) == 0

    written = [str(facts["note"]) for facts in journals.entry_facts(CROWDED, EntryKind.NOTE_ADDED)]
    assert Counter(written) == Counter([*taken, "later"]), "beside the chain, too, nothing stands twice"
    assert len(journals.read_chains()[CROWDED]) == journals.row(CROWDED).seq
    assert failed["WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND"] >= 1, failed
    assert report.flawless, report
    assert [fault for fault in Verification(database).run().faults if fault.table != "seals"] == []
