"""What billing reports, and what it changes in an invoice's collection.

Invoices are due on a Monday and reminded on Tuesday; undisturbed, the second reminder goes on the next Monday.
"""

from datetime import date

from tests.workflows.stage import DAY, PlayStage


async def change_due_date(stage: PlayStage, invoice: str, due: date) -> None:
    stage.play.parts.billing.change_invoice(invoice, due_date=due, at=await stage.play.now())
    await stage.sync_until_entry(invoice, "invoice.changed")


async def bounce(stage: PlayStage, invoice: str, payment: str) -> None:
    """The bank takes the payment back."""
    now = await stage.play.now()
    stage.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await stage.sync_until_entry(invoice, "payment.reversed")


async def credit(stage: PlayStage, invoice: str, amount: int) -> None:
    now = await stage.play.now()
    stage.play.parts.billing.issue_credit_note(f"C-{invoice}", invoice, amount, now.date(), at=now)
    await stage.sync_until_entry(invoice, "credit_note.issued")


async def test_a_paid_invoice_gets_no_further_letter(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    await stage.pay(invoice, 10_000)
    assert await stage.outcome(invoice) == "paid"
    await stage.play.run_mornings(monday + 3 * DAY, monday + 9 * DAY)
    assert len(stage.letters(invoice)) == 1
    assert stage.entry_facts(invoice, "case.closed") == [{"outcome": "paid", "open_balance": 0}]


async def test_after_a_partial_payment_the_next_letter_asks_for_the_open_balance(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice(total="1234.50")
    await stage.pay(invoice, 100_000)
    await stage.play.run_mornings(monday + 3 * DAY, monday + 7 * DAY)
    first, second = stage.sent_letters(stage.account_and_currency(invoice)[0])
    assert (second.letter, "€234.50" in first.text, "€234.50" in second.text) == ("second_reminder", False, True)
    assert stage.row(invoice).outcome is None


async def test_what_was_paid_too_much_is_credit_of_the_account(stage: PlayStage) -> None:
    invoice, _ = await stage.open_reminded_invoice()
    await stage.pay(invoice, 12_500)
    assert await stage.outcome(invoice) == "paid"
    assert stage.play.parts.billing.get_unapplied_credit(stage.account_and_currency(invoice)[0]) == {"EUR": 2_500}
    assert stage.entry_facts(invoice, "payment.received")[0]["amount"] == 10_000


async def test_a_credit_note_over_the_whole_balance_closes_the_invoice_as_credited(stage: PlayStage) -> None:
    invoice, _ = await stage.open_reminded_invoice()
    await credit(stage, invoice, 10_000)
    assert await stage.outcome(invoice) == "credited"
    assert stage.row(invoice).stage == "credited"


async def test_a_cancelled_invoice_is_closed_and_its_letter_withdrawn(stage: PlayStage) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - DAY)
    stage.play.parts.billing.cancel_invoice(invoice, at=await stage.play.now())
    await stage.sync_until_entry(invoice, "invoice.cancelled")
    assert await stage.outcome(invoice) == "cancelled"
    await stage.play.run_morning(monday)
    assert stage.letters(invoice) == []
    assert stage.entry_facts(invoice, "letter.withdrawn") == [{"step": "reminder", "reason": "settled"}]


async def test_a_later_due_date_shifts_the_next_steps_and_repeats_none(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    await change_due_date(stage, invoice, monday + 10 * DAY)
    await stage.play.run_mornings(monday + 3 * DAY, monday + 18 * DAY)
    # the new due date is a Thursday: its day 7 is the Thursday after
    assert stage.letters(invoice) == [("reminder", monday + DAY), ("second_reminder", monday + 17 * DAY)]


async def test_an_earlier_due_date_brings_the_next_step_forward_but_never_two_at_once(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    await change_due_date(stage, invoice, monday - 40 * DAY)
    await stage.play.run_mornings(monday + 2 * DAY, monday + 8 * DAY)
    assert stage.steps_with_dates(invoice)[1:] == [("second_reminder", monday + 4 * DAY), ("phone_call", monday + 7 * DAY)]


async def test_below_the_minimum_balance_an_invoice_is_not_chased_until_it_owes_more(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    payment = await stage.pay(invoice, 9_600)
    assert stage.row(invoice).waiting_for == "below_minimum"
    await stage.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    assert len(stage.letters(invoice)) == 1
    await stage.pass_to(monday + 9 * DAY)
    await bounce(stage, invoice, payment)
    await stage.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    assert stage.letters(invoice)[1:] == [("second_reminder", monday + 14 * DAY)]


async def test_a_bounced_payment_takes_the_case_up_again_where_it_ended(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    first_run = stage.row(invoice).run_id
    payment = await stage.pay(invoice, 10_000)
    assert await stage.outcome(invoice) == "paid"
    await stage.pass_to(monday + 16 * DAY)
    await bounce(stage, invoice, payment)
    await stage.play.run_mornings(monday + 16 * DAY, monday + 22 * DAY)
    assert stage.row(invoice).run_id != first_run
    kinds = stage.entry_kinds(invoice)
    assert (kinds.count("case.opened"), kinds.count("case.reopened")) == (1, 1)
    assert kinds.index("case.closed") < kinds.index("case.reopened") < kinds.index("payment.reversed")
    # fourteen days counted as settled are not collectable: day 7 comes two weeks later, on a Monday
    assert stage.letters(invoice) == [("reminder", monday + DAY), ("second_reminder", monday + 21 * DAY)]


async def test_a_case_can_be_taken_up_again_more_than_once(stage: PlayStage) -> None:
    invoice, monday = await stage.open_reminded_invoice()
    for week in (1, 2):
        payment = await stage.pay(invoice, 10_000)
        assert await stage.outcome(invoice) == "paid"
        await stage.pass_to(monday + 7 * week * DAY + 2 * DAY)
        await bounce(stage, invoice, payment)
    kinds = stage.entry_kinds(invoice)
    assert (kinds.count("case.opened"), kinds.count("case.reopened"), kinds.count("case.closed")) == (1, 2, 2)
    assert stage.steps(invoice) == ["reminder"]


async def test_an_invoice_that_was_paid_before_it_was_ever_opened_gets_no_workflow(stage: PlayStage) -> None:
    monday = await stage.pass_to_monday()
    other = await stage.open_invoice(due=monday)
    stage.play.parts.billing.cancel_invoice(other, at=await stage.play.now())
    await stage.sync_until_entry(other, "invoice.cancelled")
    assert await stage.outcome(other) == "cancelled"
    before = stage.entry_kinds(other)
    assert await stage.play.sync() == 0
    assert stage.entry_kinds(other) == before
