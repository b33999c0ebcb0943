"""Acts on real workflows: at once when a worker answers, once in any case."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.case_recording import CaseRecordingActivities
from adapters.cases.case_store import CaseStore
from adapters.database.engine import Database
from adapters.read_model.journal import list_case_history
from adapters.temporal import case_commands
from adapters.temporal.case_commands import CaseNotRunning, CasesUnreachable, CommandQueued, CommandRejected, TemporalCaseCommands
from adapters.temporal.data_converter import DATA_CONVERTER
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceFacts
from domain.case.command import CommandReceipt
from domain.clock import Clock
from domain.invoice.commands import MakePromise, PauseCollection, ResumeCollection
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.refusal import RefusalFacts, find_refusal_facts
from tests.api.portfolio_world import POLICY, PortfolioWorld
from tests.patience import PATIENCE
from tests.time_skipping import time_skipping
from workflows.invoice_collection import InvoiceCollection

IMPATIENT = 1.0
"""Seconds for a worker, where none is. The server has all the time that it needs."""


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    async with time_skipping() as environment:
        yield environment.client


@pytest.fixture
async def invoice(client: Client, database: Database) -> AsyncIterator[str]:
    """The id of an open invoice that nothing happens to by itself; no worker runs."""
    case_id = f"I-{uuid4().hex[:8]}"
    world = PortfolioWorld(database)
    due = date(2099, 1, 1)
    world.account()
    world.invoice(case_id, due=due, started=False)
    facts = InvoiceFacts(version=1, due_date=due, currency="EUR", total=25_000, open_balance=25_000)
    opening = InvoiceCollectionInput(invoice_id=case_id, account_id="A-1", facts=facts, policy=POLICY, clock=Clock.real_time())
    handle = await client.start_workflow(InvoiceCollection.run, opening, id=ids.invoice_case_id(case_id), task_queue=ids.TASK_QUEUE)
    yield case_id
    if (await handle.describe()).close_time is None:
        await handle.terminate()


def worker(client: Client, database: Database) -> Worker:
    recording = CaseRecordingActivities(CaseStore(database))
    return Worker(client, task_queue=ids.TASK_QUEUE, workflows=[InvoiceCollection], activities=[recording.record])


def pause(act_id: str = "act-1") -> PauseCollection:
    return PauseCollection(act_id=act_id, actor="maria", reason="stock")


def kinds(database: Database, invoice: str) -> list[str]:
    return [line.kind for line in list_case_history(database, ids.invoice_case_id(invoice))]


async def test_an_act_is_in_the_journal_when_it_is_answered(client: Client, database: Database, invoice: str) -> None:
    async with worker(client, database):
        receipt = await TemporalCaseCommands(client, PATIENCE).submit_invoice_command(invoice, pause())
    assert receipt == CommandReceipt(act_id="act-1", seq=2)
    assert kinds(database, invoice) == ["case.opened", "hold.placed"]


async def test_a_repeated_act_is_applied_once(client: Client, database: Database, invoice: str) -> None:
    async with worker(client, database):
        cases = TemporalCaseCommands(client, PATIENCE)
        await cases.submit_invoice_command(invoice, pause())
        await cases.submit_invoice_command(invoice, ResumeCollection(act_id="act-2", actor="maria"))
        again = await cases.submit_invoice_command(invoice, pause())
    assert isinstance(again, CommandReceipt)
    assert kinds(database, invoice) == ["case.opened", "hold.placed", "hold.lifted"]


async def test_what_the_validator_refuses_comes_in_its_words(client: Client, database: Database, invoice: str) -> None:
    promise = MakePromise(act_id="act-1", actor="maria", amount=25_001, by=date(2098, 1, 1))
    async with worker(client, database):
        with pytest.raises(CommandRejected, match=r"^the promised amount is more than the open balance$") as refused:
            await TemporalCaseCommands(client, PATIENCE).submit_invoice_command(invoice, promise)
    assert find_refusal_facts(refused.value.args[0]) == RefusalFacts(code="promise.too_much")
    assert kinds(database, invoice) == ["case.opened"]


async def test_without_a_worker_the_act_waits_and_is_then_applied_once(client: Client, database: Database, invoice: str) -> None:
    outcome = await TemporalCaseCommands(client, IMPATIENT, PATIENCE).submit_invoice_command(invoice, pause())
    assert outcome == CommandQueued("act-1")
    async with worker(client, database):
        again = await TemporalCaseCommands(client, PATIENCE).submit_invoice_command(invoice, pause())
    assert isinstance(again, CommandReceipt)
    assert kinds(database, invoice) == ["case.opened", "hold.placed"]


async def test_an_act_that_is_left_with_the_case_is_applied_once_too(client: Client, database: Database, invoice: str) -> None:
    """Without the time that a worker would have had."""
    cases = TemporalCaseCommands(client, PATIENCE)
    async with asyncio.timeout(PATIENCE / 2):
        assert await cases.queue_invoice_command(invoice, pause()) == CommandQueued("act-1")
    async with worker(client, database):
        await cases.submit_invoice_command(invoice, pause())
    assert kinds(database, invoice) == ["case.opened", "hold.placed"]


async def test_a_case_is_read_live_or_not_at_all(client: Client, database: Database, invoice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_commands, "QUERY_TIMEOUT_SECONDS", PATIENCE)
    async with worker(client, database):
        cases = TemporalCaseCommands(client, PATIENCE)
        await cases.submit_invoice_command(invoice, pause())
        view = await cases.query_invoice_case(invoice)
    assert view is not None
    assert [hold.kind for hold in view.holds] == ["pause"]
    assert await TemporalCaseCommands(client, PATIENCE).query_invoice_case("nowhere") is None


async def test_a_closed_or_unknown_case_takes_no_act(client: Client, invoice: str) -> None:
    await client.get_workflow_handle(ids.invoice_case_id(invoice)).terminate()
    for case_id in (invoice, "nowhere"):
        with pytest.raises(CaseNotRunning):
            await TemporalCaseCommands(client, IMPATIENT, PATIENCE).submit_invoice_command(case_id, pause())
        with pytest.raises(CaseNotRunning):
            await TemporalCaseCommands(client, PATIENCE).queue_invoice_command(case_id, pause())


async def test_when_nothing_gets_through_nothing_is_claimed() -> None:
    nobody = await Client.connect("127.0.0.1:1", lazy=True, data_converter=DATA_CONVERTER)
    cases = TemporalCaseCommands(nobody, timedelta(seconds=0.2).total_seconds())
    with pytest.raises(CasesUnreachable):
        await cases.submit_invoice_command("I-1", pause())
    with pytest.raises(CasesUnreachable):
        await cases.queue_invoice_command("I-1", pause())
    assert await cases.query_invoice_case("I-1") is None
    assert not await cases.is_temporal_reachable()
    await cases.trigger_billing_sync()
