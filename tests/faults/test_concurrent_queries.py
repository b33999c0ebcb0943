"""Somebody looks at an invoice in the moment in which its case writes: the question waits, and its history can be replayed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Worker

from activities.case_recording import CaseRecordingActivities
from adapters.audit.histories.replayer import HistoryReplayer
from adapters.audit.histories.run_history_loader import RunHistory
from adapters.cases.case_store import CaseStore
from adapters.database.engine import Database
from adapters.temporal.case_commands import TemporalCaseCommands
from adapters.temporal.client import connect_client
from adapters.temporal.embedded_server import TemporalServer
from domain import identifiers as ids
from domain.audit.replay_report import RunSource
from domain.billing.billing_events import InvoiceFacts
from domain.case_write import CaseWrite, CaseWriteResult
from domain.clock import Clock
from domain.invoice.commands import AddNote
from domain.invoice.workflow_input import InvoiceCollectionInput
from tests.api.portfolio_world import POLICY, PortfolioWorld
from workflows.invoice_collection import InvoiceCollection

NAMESPACE, DUE = "duecourse", date(2099, 1, 1)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    server = await TemporalServer.find_or_start(tmp_path / "temporal", NAMESPACE)
    yield await connect_client(server.address, NAMESPACE)
    await server.stop()


class WhenTold(CaseRecordingActivities):
    """It writes when it is told to."""

    def __init__(self, casebook: CaseStore) -> None:
        super().__init__(casebook)
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    @activity.defn
    async def record(self, record: CaseWrite) -> CaseWriteResult:
        self.begun.set()
        await self.go_on.wait()
        return await super().record(record)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_question_does_not_end_the_task_in_which_a_case_writes(client: Client, database: Database) -> None:
    """It is there before the worker is, so that the server would hand it over together with the case's first task."""
    world = PortfolioWorld(database)
    world.account()
    world.invoice("I-1", due=DUE, started=False)
    facts = InvoiceFacts(version=1, due_date=DUE, currency="EUR", total=25_000, open_balance=25_000)
    opening = InvoiceCollectionInput(invoice_id="I-1", account_id="A-1", facts=facts, policy=POLICY, clock=Clock.real_time())
    case = await client.start_workflow(InvoiceCollection.run, opening, id=ids.invoice_case_id("I-1"), task_queue=ids.TASK_QUEUE)
    asked = asyncio.create_task(TemporalCaseCommands(client).query_invoice_case("I-1"))
    assert await asyncio.wait([asked], timeout=0.2) == (set(), {asked})
    recording = WhenTold(CaseStore(database))
    async with Worker(client, task_queue=ids.TASK_QUEUE, workflows=[InvoiceCollection], activities=[recording.record]):
        await recording.begun.wait()
        await asyncio.wait([asked], timeout=0.5)
        recording.go_on.set()
        view = await asked
        await TemporalCaseCommands(client, update_seconds=60).submit_command(
            case.id, AddNote(act_id="act-1", actor="maria", note_id="note-1")
        )
    assert view is None or view.case_id == case.id
    history = await case.fetch_history()
    kinds = [event.event_type for event in history.events]
    assert kinds[kinds.index(EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED) + 1] == EventType.EVENT_TYPE_MARKER_RECORDED
    (replayed,) = await HistoryReplayer([InvoiceCollection]).replay([RunHistory(case.id, history.run_id, RunSource.LIVE, history)])
    assert replayed.divergence is None
