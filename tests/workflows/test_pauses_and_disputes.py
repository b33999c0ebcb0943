"""What stops an invoice's collection, and that it goes on where it stopped.

Invoices are due on a Monday and reminded on Tuesday; undisturbed, the second reminder is asked for on the next Monday,
and goes on Tuesday, a week after the first.
"""

from datetime import date

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.invoice.commands import PauseCollection, ResumeCollection
from domain.timeline.holds import Hold, HoldKind
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from workflows.invoice_collection import InvoiceCollection


async def pause(environment: CollectionEnvironment, invoice: str, until: date | None = None, act_id: str = "pause") -> None:
    command = PauseCollection(act_id=f"{invoice}-{act_id}", actor="mia", reason="customer_on_holiday", until=until)
    await environment.case(invoice).execute_update(InvoiceCollection.pause, command)


async def resume(environment: CollectionEnvironment, invoice: str, act_id: str = "resume") -> None:
    await environment.case(invoice).execute_update(InvoiceCollection.resume, ResumeCollection(act_id=f"{invoice}-{act_id}", actor="mia"))


async def dispute(environment: CollectionEnvironment, invoice: str, disputed: bool, sync: bool = True) -> None:
    environment.play.parts.billing.change_invoice(invoice, disputed=disputed, at=await environment.play.now())
    if sync:
        await environment.sync_until_entry(invoice, "invoice.changed")


async def test_undisturbed_the_second_reminder_goes_a_week_after_the_first(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await environment.play.run_mornings(monday + 3 * DAY, monday + 9 * DAY)
    assert environment.steps_with_dates(invoice)[1:] == [("second_reminder", monday + 7 * DAY)]
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 8 * DAY)]


async def test_a_pause_with_an_end_lifts_by_itself_and_the_clock_resumes_where_it_stopped(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await pause(environment, invoice, until=monday + 9 * DAY)
    assert environment.row(invoice).next_on is None
    await environment.play.run_mornings(monday + 3 * DAY, monday + 14 * DAY)
    assert environment.entry_facts(invoice, "hold.placed")[0]["until"] == (monday + 9 * DAY).isoformat()
    # seven days held: day 7 comes on Monday a week later
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 14 * DAY)]


async def test_a_pause_without_an_end_stands_until_someone_resumes(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await pause(environment, invoice)
    await environment.play.run_mornings(monday + 26 * DAY, monday + 29 * DAY)
    assert environment.steps(invoice) == ["reminder"]
    await environment.pass_to(monday + 30 * DAY)
    await resume(environment, invoice)
    await environment.play.run_mornings(monday + 30 * DAY, monday + 35 * DAY)
    # held from day 2 to day 30: five days of the clock are left, and they end on a Monday
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 35 * DAY)]
    assert environment.steps(invoice) == ["reminder", "second_reminder"]


async def test_a_pause_while_one_stands_takes_its_place(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await pause(environment, invoice, until=monday + 4 * DAY)
    await pause(environment, invoice, until=monday + 9 * DAY, act_id="longer")
    await environment.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    assert [hold["until"][:10] for hold in environment.row(invoice).holds] == [(monday + 9 * DAY).isoformat()]


async def test_what_is_not_paused_cannot_be_resumed(environment: CollectionEnvironment) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await resume(environment, invoice)
    assert "the invoice is not paused" in str(caught.value.cause)


async def test_a_dispute_from_billing_stops_and_lifting_it_resumes_where_it_stopped(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await dispute(environment, invoice, True)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 15 * DAY)
    assert environment.row(invoice).waiting_for == "dispute"
    assert len(environment.letters(invoice)) == 1
    await environment.pass_to(monday + 16 * DAY)
    await dispute(environment, invoice, False)
    await environment.play.run_mornings(monday + 16 * DAY, monday + 21 * DAY)
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 21 * DAY)]


async def test_an_invoice_that_is_disputed_from_the_start_waits_without_a_letter(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - 10 * DAY, disputed="yes")
    await environment.play.run_mornings(monday, monday + 5 * DAY)
    opened = ["case.opened", "hold.placed", "dispute.opened", "hold.placed"]
    assert (environment.entry_kinds(invoice), environment.letters(invoice)) == (opened, [])


async def test_a_dispute_and_a_pause_together_stop_the_clock_once(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await pause(environment, invoice)
    await environment.pass_to(monday + 5 * DAY)
    await dispute(environment, invoice, True)
    await environment.pass_to(monday + 7 * DAY)
    await resume(environment, invoice)
    await environment.pass_to(monday + 9 * DAY)
    await dispute(environment, invoice, False)
    await environment.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 14 * DAY)]


async def test_a_pause_takes_back_the_letter_that_has_not_gone_and_its_step_is_due_again(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - DAY)
    assert environment.steps(invoice) == ["reminder"]
    await pause(environment, invoice, until=monday + 2 * DAY)
    await environment.wait_until(lambda: "letter.withdrawn" in environment.entry_kinds(invoice))
    await environment.play.run_mornings(monday, monday + DAY)
    assert environment.letters(invoice) == []
    await environment.play.run_mornings(monday + 2 * DAY, monday + 2 * DAY)
    assert environment.letters(invoice) == [("reminder", monday + 2 * DAY)]
    assert environment.steps(invoice) == ["reminder", "reminder"]


async def test_a_letter_is_dropped_when_the_dispute_came_after_it_was_asked_for(environment: CollectionEnvironment) -> None:
    """The letter desk sees the dispute in the ledger before the invoice's workflow has heard of it."""
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - DAY)
    await dispute(environment, invoice, True, sync=False)
    await environment.pass_to(monday, hour=14)
    assert (await environment.play.send_letters()).void == 1
    await environment.wait_until(lambda: "letter.dropped" in environment.entry_kinds(invoice))
    assert environment.entry_facts(invoice, "letter.dropped")[0]["reason"] == "disputed"
    await environment.sync_until_entry(invoice, "hold.placed")
    await environment.pass_to(monday + 2 * DAY)
    await dispute(environment, invoice, False)
    await environment.play.run_mornings(monday + 2 * DAY, monday + 3 * DAY)
    assert [step for step, _ in environment.letters(invoice)] == ["reminder"]


async def test_another_case_of_the_account_can_hold_an_invoice_and_let_it_go(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    hold = Hold(hold_id="plan:1", kind=HoldKind.PAYMENT_PLAN, since=await environment.play.now())
    await environment.case(invoice).signal(InvoiceCollection.hold_placed, hold)
    await environment.case(invoice).signal(InvoiceCollection.hold_placed, hold)
    await environment.wait_until(lambda: environment.row(invoice).waiting_for == "payment_plan")
    await environment.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    await environment.pass_to(monday + 9 * DAY)
    await environment.case(invoice).signal(InvoiceCollection.hold_lifted, "plan:1")
    await environment.wait_until(lambda: "hold.lifted" in environment.entry_kinds(invoice))
    await environment.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    assert environment.entry_kinds(invoice).count("hold.placed") == 1
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 14 * DAY)]
