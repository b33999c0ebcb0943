"""A workflow whose task fails for ever: it is found, is a task of the administrators, and goes on without the message that it fails at."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import workflows.invoice_collection
from adapters.audit.audit_service import AuditService
from adapters.audit.verification.verification import Verification
from adapters.case_check.case_repair import CaseNotStuckError
from adapters.case_check.expected_cases import REST
from adapters.database.engine import Database
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain import identifiers as ids
from domain.clock import Moment
from domain.invoice.calls import note_overdue_call
from domain.invoice.commands import AddNote, MakePromise
from domain.invoice.invoice_case import InvoiceCase
from tests.faults.due_letters import TODAY, DueInvoice, import_due_invoices, noon_clock
from tests.faults.fault_environment import start_fault_environment
from tests.faults.journal_snapshot import JournalSnapshot
from tests.patience import PATIENCE
from worker import WORKFLOWS, build_case_checker, build_case_repair, build_worker

ACCOUNT = "STUCK"
BILL = DueInvoice("INV-1", ACCOUNT)
CASE = ids.invoice_case_id(BILL.number)
POISON = "poison"


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the code, which shows itself once the case has heard one note."""

    def fail(case: InvoiceCase, now: Moment) -> None:
        if POISON in case.seen:
            raise RuntimeError("a fault of the code")
        note_overdue_call(case, now)

    monkeypatch.setattr(workflows.invoice_collection, "note_overdue_call", fail)


@pytest.mark.usefixtures("poison")
async def test_a_case_whose_task_fails_is_found_and_repaired_and_its_journal_stays_one_chain(database: Database, tmp_path: Path) -> None:
    async with start_fault_environment(database, tmp_path / "data", noon_clock()) as environment:
        client, parts = environment.client, environment.parts
        checker, repair, journals = build_case_checker(client, parts), build_case_repair(client, parts), JournalSnapshot(environment)
        case = client.get_workflow_handle(CASE)

        async def note(act_id: str) -> None:
            await case.signal("note_added", AddNote(act_id=act_id, actor="mia", note_id=act_id))

        async with build_worker(client, parts):
            import_due_invoices(parts, [BILL], tmp_path)
            await client.execute_workflow("BillingSync", id="opening", task_queue=ids.TASK_QUEUE)
            promise = MakePromise(act_id="p", actor="mia", amount=10_000, by=TODAY + timedelta(days=3))
            await case.execute_update("make_promise", promise)
            with pytest.raises(CaseNotStuckError):
                await repair.plan(CASE)
            await note(POISON)
            for _ in range(PATIENCE):
                found = await checker.check(datetime.now(UTC) + REST)
                if found.stuck:
                    break
                await asyncio.sleep(0.5)
            assert found.stuck == {CASE: "a fault of the code"}
            (item,) = SetAsideStore(database).list_waiting(SetAsideStage.CASE).values()
            assert (item.item_id, item.account_id) == (CASE, ACCOUNT)
            assert "a fault of the code" in item.detail

            await note("later")
            plan = await repair.plan(CASE)
            assert [(signal.name, signal.came_before_fault) for signal in plan.dropped] == [("note_added", True)]
            await repair.carry_out(plan, "otto")
            await journals.wait_for_entries("note.added", [CASE])
            assert (await checker.check(datetime.now(UTC) + REST)).stuck == {}
            await environment.wait_for_rest([CASE])
            report = await AuditService(client, database, parts.settings, WORKFLOWS).replay(ACCOUNT)

    chain = journals.read_chains()[CASE]
    assert [entry.kind.value for entry in chain][-2:] == ["case.recovered", "note.added"]
    recovered, later = chain[-2:]
    assert (recovered.actor, recovered.facts["reason"], recovered.facts["messages"]) == ("otto", "stuck", 1)
    assert later.facts["note"] == "later"
    assert report.flawless, report
    assert SetAsideStore(database).list_waiting(SetAsideStage.CASE) == {}
    assert [fault for fault in Verification(database).run().faults if fault.table != "seals"] == []
