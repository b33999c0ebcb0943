"""What a worker that dies in the middle leaves behind.

A local activity may have committed when its workflow task is lost. The task is then done anew, here or by another worker, and the local
activity with it: its entries get another recorded time, and so another hash, and the database answers with those that it has. The death is
played by an error in the workflow's code right after the database has answered, for that loses the task's markers just as a death does.
"""

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.api.enums.v1 import EventType

from adapters.database.tables import ContactRequest, JournalEntry
from domain.invoice.commands import CallOutcome, LogCall, PauseCollection
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from workflows.invoice_collection import InvoiceCollection


class WorkerDies(Exception):
    """Stands for the end of a worker's process."""


def worker_dies_once_after_writing(monkeypatch: pytest.MonkeyPatch, kind: EntryKind) -> Callable[[], bool]:
    """The next time an entry of this kind is in the database, before its workflow has taken in the answer. Tells whether it did."""
    written, died = Journal.mark_written, list[int]()

    def dies(self: Journal, up_to: int, head: str | None = None) -> None:
        if not died and any(entry.kind is kind for entry in self.pending):
            died.append(up_to)
            raise WorkerDies(kind)
        written(self, up_to, head)

    monkeypatch.setattr(Journal, "mark_written", dies)
    return lambda: bool(died)


def all_entries(environment: CollectionEnvironment, invoice: str) -> list[JournalEntry]:
    """Those that a dead worker left as well; detached."""
    with environment.database.reading() as session:
        rows = session.scalars(select(JournalEntry).where(col(JournalEntry.invoice_id) == invoice)).all()
        session.expunge_all()
    return list(rows)


def entries(environment: CollectionEnvironment, invoice: str) -> list[JournalEntry]:
    """The case's chain, followed back from its head; the last entry first."""
    by_hash, head, chain = {entry.hash: entry for entry in all_entries(environment, invoice)}, environment.row(invoice).head, []
    while head in by_hash:
        chain.append(by_hash[head])
        head = by_hash[head].previous
    return chain


def orphans(environment: CollectionEnvironment, invoice: str) -> Counter[str]:
    """The kinds of the entries that no chain leads to."""
    counted = {entry.hash for entry in entries(environment, invoice)}
    return Counter(entry.kind for entry in all_entries(environment, invoice) if entry.hash not in counted)


async def lost_tasks(environment: CollectionEnvironment, invoice: str) -> int:
    history = await environment.case(invoice).fetch_history()
    return sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED for event in history.events)


@pytest.mark.parametrize("kind", [EntryKind.CASE_OPENED, EntryKind.STEP_TAKEN])
async def test_a_worker_that_dies_after_writing_leaves_each_entry_once_and_one_letter(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch, kind: EntryKind
) -> None:
    monday = await environment.pass_to_monday()
    has_died = worker_dies_once_after_writing(monkeypatch, kind)
    invoice = await environment.open_invoice(due=monday - DAY)
    await environment.wait_until(has_died)
    await environment.play.run_morning(monday)
    assert await lost_tasks(environment, invoice) == 1
    assert orphans(environment, invoice) == Counter()
    with environment.database.reading() as session:
        requests = session.scalars(select(ContactRequest).filter_by(invoice_id=invoice)).all()
    assert [request.step for request in requests] == ["reminder"]
    assert environment.letters(invoice) == [("reminder", monday)]


async def test_an_act_that_a_dying_worker_had_written_is_done_once_and_answered(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    worker_dies_once_after_writing(monkeypatch, EntryKind.CALL_LOGGED)
    command = LogCall(act_id="call", actor="mia", outcome=CallOutcome.REACHED)
    receipt = await environment.case(invoice).execute_update(InvoiceCollection.log_call, command)
    assert not receipt.repeated
    assert [entry.seq for entry in entries(environment, invoice) if entry.kind == "call.logged"] == [receipt.seq]
    assert orphans(environment, invoice) == Counter()
    assert await lost_tasks(environment, invoice) == 1


async def test_a_call_that_a_dying_worker_had_asked_for_is_one_task(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await environment.play.run_mornings(monday + 7 * DAY, monday + 8 * DAY)
    worker_dies_once_after_writing(monkeypatch, EntryKind.CALL_REQUESTED)
    await environment.pass_to(monday + 14 * DAY)
    await environment.wait_until(lambda: environment.row(invoice).stage == "phone_call")
    assert [kind for kind, _, _ in environment.tasks(invoice)] == ["call"]


async def test_the_last_entry_that_a_dying_worker_had_written_closes_the_case_once(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    worker_dies_once_after_writing(monkeypatch, EntryKind.CASE_CLOSED)
    await environment.pay(invoice, 10_000)
    assert await environment.outcome(invoice) == "paid"
    assert environment.row(invoice).outcome == "paid"
    assert orphans(environment, invoice) == Counter()
    assert await lost_tasks(environment, invoice) == 1


async def test_a_worker_that_dies_while_it_takes_back_a_letter_takes_it_back_once(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The letter was withdrawn in the database, but the workflow never heard so: it must not believe that the letter went."""
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - DAY)
    worker_dies_once_after_writing(monkeypatch, EntryKind.HOLD_PLACED)
    command = PauseCollection(act_id="p", actor="mia", reason="r", until=monday + 2 * DAY)
    await environment.case(invoice).execute_update(InvoiceCollection.pause, command)
    await environment.play.run_mornings(monday, monday + 4 * DAY)
    assert environment.letters(invoice) == [("reminder", monday + 2 * DAY)]
    with environment.database.reading() as session:
        (request,) = session.scalars(select(ContactRequest).filter_by(invoice_id=invoice)).all()
    assert (request.state, request.attempt) == ("sent", 2)
    assert "letter.unknown" not in environment.entry_kinds(invoice)


@pytest.mark.parametrize("kind", [EntryKind.CASE_REOPENED, EntryKind.PAYMENT_REVERSED])
async def test_a_worker_that_dies_while_it_takes_a_case_up_again_goes_on_with_the_same_chain(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch, kind: EntryKind
) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    payment = await environment.pay(invoice, 10_000)
    assert await environment.outcome(invoice) == "paid"
    await environment.pass_to(monday + 9 * DAY)
    has_died = worker_dies_once_after_writing(monkeypatch, kind)
    now = await environment.play.now()
    environment.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await environment.sync_until_entry(invoice, "payment.reversed")
    await environment.wait_until(has_died)
    await environment.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    counted = Counter(entry.kind for entry in entries(environment, invoice))
    assert (counted["case.opened"], counted["case.reopened"], counted["payment.reversed"]) == (1, 1, 1)
    assert orphans(environment, invoice) == Counter()
    assert environment.letters(invoice) == [("reminder", monday + DAY), ("second_reminder", monday + 14 * DAY)]
