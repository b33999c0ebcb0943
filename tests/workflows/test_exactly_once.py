"""Acts of people and words of machines: each counts once, whichever way it comes, and none is lost.

Invoices are due on a Monday and reminded on Tuesday.
"""

import asyncio
from datetime import timedelta

from sqlalchemy import update
from sqlmodel import col
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.database.tables import LedgerEvent
from domain import identifiers as ids
from domain.case.case_view import CaseView, NextStep
from domain.invoice.commands import AddNote, CallOutcome, LogCall, MakePromise, PauseCollection, ResumeCollection
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.timeline.holds import Hold, HoldKind
from tests.workflows.stage import DAY, PlayStage
from workflows.invoice_collection import InvoiceCollection


async def opening(stage: PlayStage, invoice: str) -> InvoiceCollectionInput:
    book = InvoiceInputLoader(stage.database, stage.play.parts.policies, stage.play.parts.clock)
    return (await asyncio.to_thread(book.load_inputs, [invoice]))[invoice][0]


async def test_the_same_act_twice_as_an_update_is_done_once_and_says_so(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    act = MakePromise(act_id="twice", actor="mia", amount=10_000, by=monday + 9 * DAY)
    first = await stage.case(invoice).execute_update(InvoiceCollection.make_promise, act)
    again = await stage.case(invoice).execute_update(InvoiceCollection.make_promise, act)
    assert (first.repeated, again.repeated, again.seq) == (False, True, None)
    assert stage.entry_kinds(invoice).count("promise.made") == 1
    assert first.seq == stage.entry_kinds(invoice).index("promise.made") + 1


async def test_the_same_act_at_the_same_moment_is_done_once(stage: PlayStage) -> None:
    invoice, _ = await stage.open_reminded_invoice()
    act = LogCall(act_id="call", actor="mia", outcome=CallOutcome.REACHED)
    receipts = await asyncio.gather(*[stage.case(invoice).execute_update(InvoiceCollection.log_call, act) for _ in range(5)])
    assert sorted(receipt.repeated for receipt in receipts) == [False, True, True, True, True]
    assert stage.entry_kinds(invoice).count("call.logged") == 1


async def test_an_act_that_comes_as_an_update_and_as_its_signal_is_done_once(stage: PlayStage) -> None:
    invoice, _ = await stage.open_reminded_invoice()
    pause, resume = PauseCollection(act_id="p", actor="mia", reason="r"), ResumeCollection(act_id="r", actor="mia")
    await stage.case(invoice).execute_update(InvoiceCollection.pause, pause)
    await stage.case(invoice).signal(InvoiceCollection.paused, pause)
    await stage.case(invoice).execute_update(InvoiceCollection.resume, resume)
    await stage.case(invoice).signal(InvoiceCollection.resumed, resume)
    note = AddNote(act_id="n", actor="mia", note_id="N1")
    await stage.case(invoice).signal(InvoiceCollection.note_added, note)
    await stage.case(invoice).execute_update(InvoiceCollection.add_note, note)
    kinds = stage.entry_kinds(invoice)
    assert [kinds.count(kind) for kind in ("hold.placed", "hold.lifted", "note.added", "act.refused")] == [1, 1, 1, 0]


async def test_an_act_as_a_signal_is_carried_out_like_the_update(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    act = MakePromise(act_id="s1", actor="mia", amount=10_000, by=monday + 9 * DAY)
    await stage.case(invoice).signal(InvoiceCollection.promise_made, act)
    await stage.case(invoice).signal(InvoiceCollection.call_logged, LogCall(act_id="s2", actor="mia", outcome=CallOutcome.REACHED))
    await stage.wait_until(lambda: "call.logged" in stage.entry_kinds(invoice))
    assert stage.row(invoice).promised_by == monday + 9 * DAY
    assert [kind for kind in stage.entry_kinds(invoice) if kind in ("promise.made", "hold.placed", "call.logged")] == [
        "promise.made",
        "hold.placed",
        "call.logged",
    ]


async def test_a_signal_that_the_state_rules_out_is_journalled_as_refused_and_changes_nothing(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    late = MakePromise(act_id="late", actor="mia", amount=10_000, by=monday)
    await stage.case(invoice).signal(InvoiceCollection.promise_made, late)
    await stage.case(invoice).signal(InvoiceCollection.resumed, ResumeCollection(act_id="idle", actor="mia"))
    await stage.wait_until(lambda: stage.entry_kinds(invoice).count("act.refused") == 2)
    assert stage.entry_facts(invoice, "act.refused") == [
        {"act": "late", "what": "MakePromise", "reason": "the promised day has passed"},
        {"act": "idle", "what": "Resume", "reason": "the invoice is not paused"},
    ]
    assert (stage.row(invoice).holds, stage.row(invoice).promised_by) == ([], None)


async def test_signals_that_arrive_before_the_first_workflow_task_are_not_lost(stage: PlayStage) -> None:
    """The workflow's first task sees its start and the signal together: the case opens first, then the act is done."""
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday + 20 * DAY)
    start = (await opening(stage, invoice)).model_copy(update={"invoice_id": f"{invoice}-early"})
    early: WorkflowHandle[InvoiceCollection, object] = await stage.play.client.start_workflow(
        InvoiceCollection.run,
        start,
        id=ids.invoice_case_id(start.invoice_id),
        task_queue=ids.TASK_QUEUE,
        start_signal="paused",
        start_signal_args=[PauseCollection(act_id="early", actor="mia", reason="r")],
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    await stage.wait_until(lambda: stage.entry_kinds(start.invoice_id) == ["case.opened", "hold.placed"])
    assert (await early.query(InvoiceCollection.snapshot)).waiting_for == "pause"
    await early.terminate()


async def test_the_same_billing_event_delivered_twice_counts_once(stage: PlayStage) -> None:
    """BillingSync marks an event after its delivery: a worker that dies between the two delivers it again."""
    invoice, _ = await stage.open_reminded_invoice()
    await stage.pay(invoice, 1_000)
    with stage.database.writing() as session:
        session.execute(update(LedgerEvent).where(col(LedgerEvent.invoice_id) == invoice).values(delivered_at=None))
    assert await stage.play.sync() == 2
    note = AddNote(act_id="after", actor="mia", note_id="N1")
    await stage.case(invoice).execute_update(InvoiceCollection.add_note, note)
    assert [stage.entry_kinds(invoice).count(kind) for kind in ("case.opened", "payment.received")] == [1, 1]


async def test_queries_show_the_case_as_it_stands(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    case = stage.case(invoice)
    view, coming = await case.query(InvoiceCollection.snapshot), await case.query(InvoiceCollection.next_step)
    assert isinstance(view, CaseView)
    assert (view.stage, view.next_step, view.next_on, view.open_balance) == ("reminder", "second_reminder", monday + 7 * DAY, 10_000)
    assert isinstance(coming, NextStep)
    assert (coming.step, coming.due_at, coming.waiting_for) == ("second_reminder", view.next_on and coming.due_at, "time")
    assert await case.query(InvoiceCollection.waiting_for) == "time"
    await case.signal(InvoiceCollection.hold_placed, Hold(hold_id="h", kind=HoldKind.CREDIT_REVIEW, since=await stage.play.now()))
    await stage.wait_until(lambda: stage.row(invoice).waiting_for == "credit_review")
    held = await case.query(InvoiceCollection.next_step)
    assert (held.step, held.due_at, held.waiting_for) == ("second_reminder", None, "credit_review")


async def test_a_clock_that_stood_still_shifts_what_is_due_by_the_time_it_lost(stage: PlayStage) -> None:
    invoice, _ = await stage.open_reminded_invoice()
    clock = stage.play.parts.clock
    slower = clock.model_copy(update={"business_anchor": clock.business_anchor - 2 * DAY})
    due_before = (await stage.case(invoice).query(InvoiceCollection.next_step)).due_at
    await stage.case(invoice).signal(InvoiceCollection.clock_set, slower)
    await stage.wait_until(lambda: "clock.set" in stage.entry_kinds(invoice))
    due = (await stage.case(invoice).query(InvoiceCollection.next_step)).due_at
    assert due == due_before
    assert due is not None
    # the same business time comes two real days later
    await stage.play.environment.sleep(clock.to_real(due) - await stage.play.environment.get_current_time() + DAY)
    note = AddNote(act_id="meanwhile", actor="mia", note_id="N1")
    await stage.case(invoice).execute_update(InvoiceCollection.add_note, note)
    assert stage.steps(invoice) == ["reminder"]
    await stage.play.environment.sleep(DAY + timedelta(seconds=5))
    await stage.wait_until(lambda: stage.steps(invoice) == ["reminder", "second_reminder"])
