"""What stops an invoice's collection, and that it goes on where it stopped.

Invoices are due on a Monday and reminded on Tuesday; undisturbed, the second reminder goes on the next Monday.
"""

from datetime import date

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.invoice.commands import PauseCollection, ResumeCollection
from domain.timeline.holds import Hold, HoldKind
from tests.workflows.stage import DAY, PlayStage
from workflows.invoice_collection import InvoiceCollection


async def pause(stage: PlayStage, invoice: str, until: date | None = None, act_id: str = "pause") -> None:
    act = PauseCollection(act_id=f"{invoice}-{act_id}", actor="mia", reason="customer_on_holiday", until=until)
    await stage.case(invoice).execute_update(InvoiceCollection.pause, act)


async def resume(stage: PlayStage, invoice: str, act_id: str = "resume") -> None:
    await stage.case(invoice).execute_update(InvoiceCollection.resume, ResumeCollection(act_id=f"{invoice}-{act_id}", actor="mia"))


async def dispute(stage: PlayStage, invoice: str, disputed: bool, sync: bool = True) -> None:
    stage.play.parts.billing.change_invoice(invoice, disputed=disputed, at=await stage.play.now())
    if sync:
        await stage.sync_until_entry(invoice, "invoice.changed")


async def test_undisturbed_the_second_reminder_goes_on_the_next_monday(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    await stage.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    assert stage.letters(invoice)[1:] == [("second_reminder", monday + 7 * DAY)]


async def test_a_pause_with_an_end_lifts_by_itself_and_the_clock_resumes_where_it_stopped(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    await pause(stage, invoice, until=monday + 9 * DAY)
    assert stage.row(invoice).next_on is None
    await stage.play.run_mornings(monday + 3 * DAY, monday + 14 * DAY)
    assert stage.entry_facts(invoice, "hold.placed")[0]["until"] == (monday + 9 * DAY).isoformat()
    # seven days held: day 7 comes on Monday a week later
    assert stage.letters(invoice)[1:] == [("second_reminder", monday + 14 * DAY)]


async def test_a_pause_without_an_end_stands_until_someone_resumes(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    await pause(stage, invoice)
    await stage.play.run_mornings(monday + 26 * DAY, monday + 29 * DAY)
    assert stage.steps(invoice) == ["reminder"]
    await stage.pass_to(monday + 30 * DAY)
    await resume(stage, invoice)
    await stage.play.run_mornings(monday + 30 * DAY, monday + 35 * DAY)
    # held from day 2 to day 30: five days of the clock are left, and they end on a Monday
    assert stage.letters(invoice)[1:] == [("second_reminder", monday + 35 * DAY)]
    assert stage.steps(invoice) == ["reminder", "second_reminder"]


async def test_a_pause_while_one_stands_takes_its_place(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    await pause(stage, invoice, until=monday + 4 * DAY)
    await pause(stage, invoice, until=monday + 9 * DAY, act_id="longer")
    await stage.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    assert [hold["until"][:10] for hold in stage.row(invoice).holds] == [(monday + 9 * DAY).isoformat()]


async def test_what_is_not_paused_cannot_be_resumed(stage: PlayStage) -> None:
    invoice, _ = await stage.open_reminded_invoice()
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await resume(stage, invoice)
    assert "the invoice is not paused" in str(caught.value.cause)


async def test_a_dispute_from_billing_stops_and_lifting_it_resumes_where_it_stopped(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    await dispute(stage, invoice, True)
    await stage.play.run_mornings(monday + 3 * DAY, monday + 15 * DAY)
    assert stage.row(invoice).waiting_for == "dispute"
    assert len(stage.letters(invoice)) == 1
    await stage.pass_to(monday + 16 * DAY)
    await dispute(stage, invoice, False)
    await stage.play.run_mornings(monday + 16 * DAY, monday + 21 * DAY)
    assert stage.letters(invoice)[1:] == [("second_reminder", monday + 21 * DAY)]


async def test_an_invoice_that_is_disputed_from_the_start_waits_without_a_letter(stage: PlayStage) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - 10 * DAY, disputed="yes")
    await stage.play.run_mornings(monday, monday + 5 * DAY)
    assert (stage.entry_kinds(invoice), stage.letters(invoice)) == (["case.opened", "hold.placed"], [])


async def test_a_dispute_and_a_pause_together_stop_the_clock_once(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    await pause(stage, invoice)
    await stage.pass_to(monday + 5 * DAY)
    await dispute(stage, invoice, True)
    await stage.pass_to(monday + 7 * DAY)
    await resume(stage, invoice)
    await stage.pass_to(monday + 9 * DAY)
    await dispute(stage, invoice, False)
    await stage.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    assert stage.letters(invoice)[1:] == [("second_reminder", monday + 14 * DAY)]


async def test_a_pause_takes_back_the_letter_that_has_not_gone_and_its_step_is_due_again(stage: PlayStage) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - DAY)
    assert stage.steps(invoice) == ["reminder"]
    await pause(stage, invoice, until=monday + 2 * DAY)
    await stage.wait_until(lambda: "letter.withdrawn" in stage.entry_kinds(invoice))
    await stage.play.run_mornings(monday, monday + DAY)
    assert stage.letters(invoice) == []
    await stage.play.run_mornings(monday + 2 * DAY, monday + 2 * DAY)
    assert stage.letters(invoice) == [("reminder", monday + 2 * DAY)]
    assert stage.steps(invoice) == ["reminder", "reminder"]


async def test_a_letter_is_dropped_when_the_dispute_came_after_it_was_asked_for(stage: PlayStage) -> None:
    """The letter desk sees the dispute in the ledger before the invoice's workflow has heard of it."""
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - DAY)
    await dispute(stage, invoice, True, sync=False)
    await stage.pass_to(monday, hour=14)
    assert (await stage.play.send_letters()).void == 1
    await stage.wait_until(lambda: "letter.dropped" in stage.entry_kinds(invoice))
    assert stage.entry_facts(invoice, "letter.dropped")[0]["reason"] == "disputed"
    await stage.sync_until_entry(invoice, "hold.placed")
    await stage.pass_to(monday + 2 * DAY)
    await dispute(stage, invoice, False)
    await stage.play.run_mornings(monday + 2 * DAY, monday + 3 * DAY)
    assert [step for step, _ in stage.letters(invoice)] == ["reminder"]


async def test_another_case_of_the_account_can_hold_an_invoice_and_let_it_go(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    hold = Hold(hold_id="plan:1", kind=HoldKind.PAYMENT_PLAN, since=await stage.play.now())
    await stage.case(invoice).signal(InvoiceCollection.hold_placed, hold)
    await stage.case(invoice).signal(InvoiceCollection.hold_placed, hold)
    await stage.wait_until(lambda: stage.row(invoice).waiting_for == "payment_plan")
    await stage.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    await stage.pass_to(monday + 9 * DAY)
    await stage.case(invoice).signal(InvoiceCollection.hold_lifted, "plan:1")
    await stage.wait_until(lambda: "hold.lifted" in stage.entry_kinds(invoice))
    await stage.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    assert stage.entry_kinds(invoice).count("hold.placed") == 1
    assert stage.letters(invoice)[1:] == [("second_reminder", monday + 14 * DAY)]
