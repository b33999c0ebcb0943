"""The journal is slow to answer while the clock is played fast: the server has several tasks of what was one piece of work, and a replay
makes the same of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.worker import Worker

from adapters.audit.histories.replayer import HistoryReplayer, ReplayResult
from adapters.audit.histories.run_history_loader import RunHistory
from adapters.config.settings import PROJECT
from adapters.temporal.client import connect_client
from adapters.temporal.embedded_server import TemporalServer
from domain import identifiers as ids
from domain.approval.result import ApprovalSubject
from domain.approval.workflow_input import ApprovalInput
from domain.audit.replay_report import RunSource
from domain.billing.billing_events import InvoiceFacts
from domain.case.effects import WithdrawApproval
from domain.case.handler_names import SignalName
from domain.case.workflow_input import CaseInput
from domain.case_write import CaseWrite, CaseWriteResult
from domain.clock import Clock
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.journal.entry_kinds import EntryKind
from domain.policy.approval_matrix import ApprovalRequest, MatrixSnapshot
from domain.policy.approval_type import ApprovalType
from domain.policy.matrix_parsing import parse_matrix
from tests.api.portfolio_world import POLICY
from tests.patience import PATIENCE
from worker import WORKFLOWS, build_workflow_runner

NAMESPACE, MATRIX = "duecourse", PROJECT / "policies" / "approvals.yaml"
DAY_SECONDS = 0.5
TASK_TIMEOUT = timedelta(seconds=1)
"""The SDK completes a task after four fifths of it, though a local activity is under way, and goes on in the next one."""

UNHURRIED = timedelta(minutes=1)
"""So long a task may take without being completed early, however busy the machine."""

SLOW, VERY_SLOW = 2.2, 3.6
"""Seconds: two and four tasks are completed before the journal has answered."""

ASKED, REMINDED = EntryKind.APPROVAL_ASKED, EntryKind.APPROVAL_REMINDED
ESCALATED, LAPSED = EntryKind.APPROVAL_ESCALATED, EntryKind.APPROVAL_LAPSED


class SlowJournal:
    """Takes every write. `delays`: for how many seconds it keeps the write of a case waiting that has such an entry."""

    def __init__(self) -> None:
        self.delays: dict[tuple[str, EntryKind], float] = {}
        self._kinds: dict[str, list[EntryKind]] = {}

    def count(self, case_id: str, kind: EntryKind) -> int:
        """How many entries of that kind the case has."""
        return self._kinds.get(case_id, []).count(kind)

    @activity.defn
    async def record(self, record: CaseWrite) -> CaseWriteResult:
        case_id = record.case.case_id
        await asyncio.sleep(max((self.delays.get((case_id, entry.kind), 0) for entry in record.entries), default=0))
        self._kinds.setdefault(case_id, []).extend(entry.kind for entry in record.entries)
        return CaseWriteResult(head=record.entries[-1].hash)

    @activity.defn
    async def notify(self, _: Any) -> list[str]:
        return ["anna"]


@asynccontextmanager
async def served(client: Client) -> AsyncIterator[SlowJournal]:
    journal = SlowJournal()
    runner, activities = build_workflow_runner(), [journal.record, journal.notify]
    async with Worker(client, task_queue=ids.TASK_QUEUE, workflows=WORKFLOWS, activities=activities, workflow_runner=runner):
        yield journal


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    server = await TemporalServer.find_or_start(tmp_path / "temporal", NAMESPACE)
    yield await connect_client(server.address, NAMESPACE)
    await server.stop()


def played_clock() -> Clock:
    return Clock(real_anchor=datetime.now(UTC), business_anchor=datetime(2026, 3, 2, tzinfo=UTC), day_seconds=DAY_SECONDS)


async def start(
    client: Client, workflow: ids.WorkflowName, case_id: str, start: CaseInput, task_timeout: timedelta = TASK_TIMEOUT
) -> WorkflowHandle[Any, Any]:
    return await client.start_workflow(workflow, start, id=case_id, task_queue=ids.TASK_QUEUE, task_timeout=task_timeout)


async def ask(
    client: Client, journal: SlowJournal, dispute: str, slow: EntryKind | None = None, seconds: float = SLOW
) -> WorkflowHandle[Any, Any]:
    """An approval of a credit note of EUR 25: the manager is reminded after two days and has three; then the director may sign, too, and
    they are reminded every three days. The write with an entry of the kind `slow` takes so long."""
    case_id = ids.approval_case_id(dispute, 1)
    if slow:
        journal.delays[case_id, slow] = seconds
    opening = ApprovalInput(
        number=1,
        account_id="A-1",
        question=ApprovalRequest(matter=ApprovalType.CREDIT_NOTE, amount=2_500, currency="EUR"),
        requester="ben",
        subject=ApprovalSubject(case_id=dispute),
        matrix=MatrixSnapshot.from_matrix(parse_matrix(MATRIX.read_text(encoding="utf-8"), str(MATRIX))),
        clock=played_clock(),
        separates_tasks=True,
    )
    return await start(client, ids.WorkflowName.APPROVAL, case_id, opening)


async def collect(
    client: Client, journal: SlowJournal, invoice: str, slow: EntryKind | None = None, task_timeout: timedelta = TASK_TIMEOUT
) -> WorkflowHandle[Any, Any]:
    """The case of an invoice that falls due in some years."""
    case_id = ids.invoice_case_id(invoice)
    if slow:
        journal.delays[case_id, slow] = SLOW
    facts = InvoiceFacts(version=1, due_date=date(2099, 1, 1), currency="EUR", total=25_000, open_balance=25_000)
    opening = InvoiceCollectionInput(
        invoice_id=invoice, account_id="A-1", facts=facts, policy=POLICY, clock=played_clock(), separates_tasks=True
    )
    return await start(client, ids.WorkflowName.INVOICE_COLLECTION, case_id, opening, task_timeout)


async def wait_until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 the journal sets no event
            await asyncio.sleep(0.05)


async def replay(case: WorkflowHandle[Any, Any]) -> tuple[WorkflowHistory, ReplayResult]:
    history = await case.fetch_history()
    (result,) = await HistoryReplayer(WORKFLOWS).replay([RunHistory(case.id, history.run_id, RunSource.LIVE, history)])
    return history, result


def event_types(history: WorkflowHistory) -> list[EventType.ValueType]:
    return [event.event_type for event in history.events]


def count_early_completions(history: WorkflowHistory) -> int:
    """How many tasks were completed, and followed by another at once, with nothing done but the separator's timer started."""
    kinds = [kind for kind in event_types(history) if kind != EventType.EVENT_TYPE_TIMER_STARTED]
    pair = (EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
    return sum(kinds[place : place + 2] == list(pair) for place in range(len(kinds)))


async def test_a_case_whose_journal_is_slow_replays_to_the_last_byte(client: Client) -> None:
    async with served(client) as journal:
        opened_slowly = await ask(client, journal, "dispute:I-1:1", slow=ASKED)
        escalated_slowly = await ask(client, journal, "dispute:I-2:1", slow=ESCALATED)
        withdrawn_meanwhile = await ask(client, journal, "dispute:I-3:1", slow=ASKED, seconds=VERY_SLOW)
        invoice = await collect(client, journal, "I-4", slow=EntryKind.CASE_OPENED)
        await asyncio.sleep(1.2 * TASK_TIMEOUT.total_seconds())
        await withdrawn_meanwhile.signal(SignalName.LAPSE, WithdrawApproval(number=1, reason="withdrawn"))
        await wait_until(lambda: journal.count(opened_slowly.id, REMINDED) >= 1)
        await wait_until(lambda: journal.count(escalated_slowly.id, REMINDED) >= 3)
        await wait_until(lambda: journal.count(withdrawn_meanwhile.id, LAPSED) == 1)
        await withdrawn_meanwhile.result()
        for case in (opened_slowly, escalated_slowly, withdrawn_meanwhile, invoice):
            history, replayed = await replay(case)
            assert count_early_completions(history) >= 2, f"{case.id}: nothing was slow"
            assert replayed.divergence is None
            hashes = [(write.entries[-1].hash, write.head) for write in replayed.journal_writes if write.entries and write.head]
            assert hashes
            assert [rebuilt for rebuilt, _ in hashes] == [recorded for _, recorded in hashes], case.id


async def test_a_case_whose_journal_answers_in_time_has_no_event_of_a_separator(client: Client) -> None:
    async with served(client) as journal:
        case = await collect(client, journal, "I-1", task_timeout=UNHURRIED)
        await wait_until(lambda: journal.count(case.id, EntryKind.CASE_OPENED) == 1)
        await case.query("snapshot")
    started = event_types(await case.fetch_history())[3:]
    assert started == [
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        EventType.EVENT_TYPE_MARKER_RECORDED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        EventType.EVENT_TYPE_TIMER_STARTED,
    ]
