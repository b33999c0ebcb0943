"""A case that outgrows its history goes on in a new run, with the same state and the same journal. Here every wake begins a new run."""

import pytest
from temporalio import workflow

from domain.invoice.commands import MakePromise, PauseCollection, ResumeCollection
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from workflows.invoice_collection import InvoiceCollection


@pytest.fixture(autouse=True)
def every_history_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow.Info, "is_continue_as_new_suggested", lambda _: True)


async def runs(environment: CollectionEnvironment, invoice: str) -> int:
    """How many runs the case has had."""
    case, count, run = environment.case(invoice), 1, (await environment.case(invoice).describe()).run_id
    while True:
        events = (await environment.play.client.get_workflow_handle(case.id, run_id=run).fetch_history()).events
        run = events[0].workflow_execution_started_event_attributes.continued_execution_run_id
        if not run:
            return count
        count += 1


async def test_the_timeline_is_the_same_through_many_runs(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday + 3 * DAY)
    await environment.play.run_mornings(monday, monday + 36 * DAY)
    assert environment.letters(invoice) == [
        ("courtesy_note", monday),
        ("reminder", monday + 4 * DAY),
        ("second_reminder", monday + 11 * DAY),
        ("firm_reminder", monday + 24 * DAY),
        ("final_demand", monday + 35 * DAY),
    ]
    kinds = environment.entry_kinds(invoice)
    assert (kinds.count("case.opened"), kinds.count("case.reopened"), kinds.count("call.requested")) == (1, 0, 1)
    assert await runs(environment, invoice) > 6


async def test_promise_hold_and_acts_seen_are_handed_on(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    promise = MakePromise(act_id="p", actor="mia", amount=10_000, by=monday + 6 * DAY)
    await environment.case(invoice).execute_update(InvoiceCollection.make_promise, promise)
    pause = PauseCollection(act_id="q", actor="mia", reason="r")
    await environment.case(invoice).execute_update(InvoiceCollection.pause, pause)
    await environment.case(invoice).execute_update(InvoiceCollection.resume, ResumeCollection(act_id="s", actor="mia"))
    again = await environment.case(invoice).execute_update(InvoiceCollection.make_promise, promise)
    assert again.repeated
    assert [hold["kind"] for hold in environment.row(invoice).holds] == ["promise"]
    await environment.pass_to(monday + 9 * DAY)
    await environment.wait_for_entries(invoice, "promise.broken")
    assert environment.entry_kinds(invoice).count("promise.broken") == 1
    assert await runs(environment, invoice) >= 4


async def test_a_case_that_lived_through_many_runs_can_be_closed_and_reopened(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    payment = await environment.pay(invoice, 10_000)
    assert await environment.outcome(invoice) == "paid"
    await environment.pass_to(monday + 9 * DAY)
    now = await environment.play.now()
    environment.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await environment.sync_until_entry(invoice, "payment.reversed")
    await environment.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    assert environment.entry_kinds(invoice).count("case.reopened") == 1
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 14 * DAY)]
