"""Acts of people and words of machines: each counts once, whichever way it comes, and none is lost.

Invoices are due on a Monday and reminded on Tuesday.
"""

import asyncio
from datetime import timedelta

from sqlalchemy import select, update
from sqlmodel import col
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.database.tables import JournalEntry, LedgerEvent
from domain import identifiers as ids
from domain.case.case_view import CaseView, NextStep
from domain.clock import start_of_day
from domain.invoice.commands import AddNote, CallOutcome, LogCall, MakePromise, PauseCollection, ResumeCollection
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.timeline.holds import Hold, HoldKind
from tests.time_skipping_play import SETTLING
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from workflows.invoice_collection import InvoiceCollection


async def opening(environment: CollectionEnvironment, invoice: str) -> InvoiceCollectionInput:
    entries = InvoiceInputLoader(environment.database, environment.play.parts.policies, environment.play.parts.clock)
    return (await asyncio.to_thread(entries.load_inputs, [invoice]))[invoice][0]


async def test_the_same_act_twice_as_an_update_is_done_once_and_says_so(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    command = MakePromise(act_id="twice", actor="mia", amount=10_000, by=monday + 9 * DAY)
    first = await environment.case(invoice).execute_update(InvoiceCollection.make_promise, command)
    again = await environment.case(invoice).execute_update(InvoiceCollection.make_promise, command)
    assert (first.repeated, again.repeated, again.seq) == (False, True, None)
    assert environment.entry_kinds(invoice).count("promise.made") == 1
    assert first.seq == environment.entry_kinds(invoice).index("promise.made") + 1


async def test_the_same_act_at_the_same_moment_is_done_once(environment: CollectionEnvironment) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    command = LogCall(act_id="call", actor="mia", outcome=CallOutcome.REACHED)
    receipts = await asyncio.gather(*[environment.case(invoice).execute_update(InvoiceCollection.log_call, command) for _ in range(5)])
    assert sorted(receipt.repeated for receipt in receipts) == [False, True, True, True, True]
    assert environment.entry_kinds(invoice).count("call.logged") == 1


async def test_an_act_that_comes_as_an_update_and_as_its_signal_is_done_once(environment: CollectionEnvironment) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    pause, resume = PauseCollection(act_id="p", actor="mia", reason="r"), ResumeCollection(act_id="r", actor="mia")
    await environment.case(invoice).execute_update(InvoiceCollection.pause, pause)
    await environment.case(invoice).signal(InvoiceCollection.paused, pause)
    await environment.case(invoice).execute_update(InvoiceCollection.resume, resume)
    await environment.case(invoice).signal(InvoiceCollection.resumed, resume)
    note = AddNote(act_id="n", actor="mia", note_id="N1")
    await environment.case(invoice).signal(InvoiceCollection.note_added, note)
    await environment.case(invoice).execute_update(InvoiceCollection.add_note, note)
    kinds = environment.entry_kinds(invoice)
    assert [kinds.count(kind) for kind in ("hold.placed", "hold.lifted", "note.added", "act.refused")] == [1, 1, 1, 0]


async def test_an_act_as_a_signal_is_carried_out_like_the_update(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    command = MakePromise(act_id="s1", actor="mia", amount=10_000, by=monday + 9 * DAY)
    await environment.case(invoice).signal(InvoiceCollection.promise_made, command)
    await environment.case(invoice).signal(InvoiceCollection.call_logged, LogCall(act_id="s2", actor="mia", outcome=CallOutcome.REACHED))
    await environment.wait_until(lambda: "call.logged" in environment.entry_kinds(invoice))
    assert environment.row(invoice).promised_by == monday + 9 * DAY
    assert [kind for kind in environment.entry_kinds(invoice) if kind in ("promise.made", "hold.placed", "call.logged")] == [
        "promise.made",
        "hold.placed",
        "call.logged",
    ]


async def test_a_signal_that_the_state_rules_out_is_journalled_as_refused_and_changes_nothing(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    late = MakePromise(act_id="late", actor="mia", amount=10_000, by=monday)
    await environment.case(invoice).signal(InvoiceCollection.promise_made, late)
    await environment.case(invoice).signal(InvoiceCollection.resumed, ResumeCollection(act_id="idle", actor="mia"))
    await environment.wait_until(lambda: environment.entry_kinds(invoice).count("act.refused") == 2)
    assert environment.entry_facts(invoice, "act.refused") == [
        {"act": "late", "what": "MakePromise", "reason": "the promised day has passed"},
        {"act": "idle", "what": "Resume", "reason": "the invoice is not paused"},
    ]
    assert (environment.row(invoice).holds, environment.row(invoice).promised_by) == ([], None)


async def test_signals_that_arrive_before_the_first_workflow_task_are_not_lost(environment: CollectionEnvironment) -> None:
    """The workflow's first task sees its start and the signal together: the case opens first, then the act is done."""
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday + 20 * DAY)
    start = (await opening(environment, invoice)).model_copy(update={"invoice_id": f"{invoice}-early"})
    early: WorkflowHandle[InvoiceCollection, object] = await environment.play.client.start_workflow(
        InvoiceCollection.run,
        start,
        id=ids.invoice_case_id(start.invoice_id),
        task_queue=ids.TASK_QUEUE,
        start_signal="paused",
        start_signal_args=[PauseCollection(act_id="early", actor="mia", reason="r")],
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    await environment.wait_until(lambda: environment.entry_kinds(start.invoice_id) == ["case.opened", "hold.placed"])
    assert (await early.query(InvoiceCollection.snapshot)).waiting_for == "pause"
    await early.terminate()


async def test_the_same_billing_event_delivered_twice_counts_once(environment: CollectionEnvironment) -> None:
    """BillingSync marks an event after its delivery: a worker that dies between the two delivers it again."""
    invoice, _ = await environment.open_reminded_invoice()
    await environment.pay(invoice, 1_000)
    with environment.database.writing() as session:
        session.execute(update(LedgerEvent).where(col(LedgerEvent.invoice_id) == invoice).values(delivered_at=None))
    assert await environment.play.sync() == 2
    note = AddNote(act_id="after", actor="mia", note_id="N1")
    await environment.case(invoice).execute_update(InvoiceCollection.add_note, note)
    assert [environment.entry_kinds(invoice).count(kind) for kind in ("case.opened", "payment.received")] == [1, 1]


async def test_queries_show_the_case_as_it_stands(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    case = environment.case(invoice)
    view, coming = await case.query(InvoiceCollection.snapshot), await case.query(InvoiceCollection.next_step)
    assert isinstance(view, CaseView)
    assert (view.stage, view.next_step, view.next_on, view.open_balance) == ("reminder", "second_reminder", monday + 7 * DAY, 10_000)
    assert isinstance(coming, NextStep)
    assert (coming.step, coming.due_at, coming.waiting_for) == ("second_reminder", view.next_on and coming.due_at, "time")
    assert await case.query(InvoiceCollection.waiting_for) == "time"
    await case.signal(InvoiceCollection.hold_placed, Hold(hold_id="h", kind=HoldKind.CREDIT_REVIEW, since=await environment.play.now()))
    await environment.wait_until(lambda: environment.row(invoice).waiting_for == "credit_review")
    held = await case.query(InvoiceCollection.next_step)
    assert (held.step, held.due_at, held.waiting_for) == ("second_reminder", None, "credit_review")


async def test_a_clock_that_stood_still_shifts_what_is_due_by_the_time_it_lost(environment: CollectionEnvironment) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    clock = environment.play.parts.clock
    slower = clock.model_copy(update={"business_anchor": clock.business_anchor - 2 * DAY})
    due_before = (await environment.case(invoice).query(InvoiceCollection.next_step)).due_at
    await environment.case(invoice).signal(InvoiceCollection.clock_set, slower)
    await environment.wait_until(lambda: "clock.set" in environment.entry_kinds(invoice))
    due = (await environment.case(invoice).query(InvoiceCollection.next_step)).due_at
    assert due == due_before
    assert due is not None
    # the same business time comes two real days later
    await environment.play.skip_server_time(clock.to_real(due) + DAY)
    note = AddNote(act_id="meanwhile", actor="mia", note_id="N1")
    await environment.case(invoice).execute_update(InvoiceCollection.add_note, note)
    assert environment.steps(invoice) == ["reminder"]
    await environment.play.skip_server_time(clock.to_real(due) + 2 * DAY + SETTLING)
    await environment.wait_until(lambda: environment.steps(invoice) == ["reminder", "second_reminder"])


async def test_while_the_clock_is_paused_nothing_falls_due_and_when_it_goes_on_each_step_comes_once(
    environment: CollectionEnvironment,
) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    case, server, clock = environment.case(invoice), environment.play.environment, environment.play.parts.clock
    paused = clock.set_going(await server.get_current_time(), paused=True)
    await case.signal(InvoiceCollection.clock_set, paused)
    await environment.wait_until(lambda: "clock.set" in environment.entry_kinds(invoice))
    note = AddNote(act_id="in the pause", actor="mia", note_id="N1")

    await environment.play.skip_server_time(await server.get_current_time() + 20 * DAY)
    await case.execute_update(InvoiceCollection.add_note, note)

    assert environment.steps(invoice) == ["reminder"]
    assert {facts.get("paused") for facts in environment.entry_facts(invoice, "clock.set")} == {"yes"}
    with environment.database.reading() as session:
        entry = session.scalars(select(JournalEntry).filter_by(invoice_id=invoice, kind="note.added")).one()
        assert entry.business_at == paused.business_anchor, "what people do meanwhile is done at the time that stands still"

    going = paused.set_going(await server.get_current_time(), paused=False)
    await case.signal(InvoiceCollection.clock_set, going)
    await environment.wait_until(lambda: environment.entry_kinds(invoice).count("clock.set") == 2)
    await environment.play.skip_server_time(going.to_real(start_of_day(monday + 9 * DAY)) + timedelta(hours=1))
    await environment.wait_until(lambda: len(environment.steps(invoice)) == 2)

    assert environment.steps_with_dates(invoice)[1:] == [("second_reminder", monday + 7 * DAY)]
    assert environment.entry_kinds(invoice).count("letter.requested") == 2
