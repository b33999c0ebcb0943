"""What billing reports, and what it changes in an invoice's collection.

Invoices are due on a Monday and reminded on Tuesday; undisturbed, the second reminder goes on the next Tuesday.
"""

from datetime import date

from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec


async def change_due_date(environment: CollectionEnvironment, invoice: str, due: date) -> None:
    environment.play.parts.billing.change_invoice(invoice, due_date=due, at=await environment.play.now())
    await environment.sync_until_entry(invoice, "invoice.changed")


async def bounce(environment: CollectionEnvironment, invoice: str, payment: str) -> None:
    """The bank takes the payment back."""
    now = await environment.play.now()
    environment.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await environment.sync_until_entry(invoice, "payment.reversed")


async def credit(environment: CollectionEnvironment, invoice: str, amount: int) -> None:
    now = await environment.play.now()
    environment.play.parts.billing.issue_credit_note(f"C-{invoice}", invoice, amount, now.date(), at=now)
    await environment.sync_until_entry(invoice, "credit_note.issued")


async def test_a_paid_invoice_gets_no_further_letter(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await environment.pay(invoice, 10_000)
    assert await environment.outcome(invoice) == "paid"
    await environment.play.run_mornings(monday + 3 * DAY, monday + 9 * DAY)
    assert len(environment.letters(invoice)) == 1
    assert environment.entry_facts(invoice, "case.closed") == [{"outcome": "paid", "open_balance": 0}]


async def test_after_a_partial_payment_the_next_letter_asks_for_the_open_balance(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice(total="1234.50")
    await environment.pay(invoice, 100_000)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    first, second = environment.sent_letters(environment.account_and_currency(invoice)[0])
    assert (second.letter, "€234.50" in first.text, "€234.50" in second.text) == ("second_reminder", False, True)
    assert environment.row(invoice).outcome is None


async def test_what_was_paid_too_much_is_credit_of_the_account(environment: CollectionEnvironment) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    await environment.pay(invoice, 12_500)
    assert await environment.outcome(invoice) == "paid"
    assert environment.play.parts.billing.get_unapplied_credit(environment.account_and_currency(invoice)[0]) == {"EUR": 2_500}
    assert environment.entry_facts(invoice, "payment.received")[0]["amount"] == 10_000


async def test_credit_that_is_taken_back_takes_the_case_up_again_that_it_had_settled(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    one, two = await environment.open_invoices(*[InvoiceSpec(monday + 3 * DAY, account="CREDITED")] * 2)
    await environment.pay(one, 20_000)
    billing, now = environment.play.parts.billing, await environment.play.now()
    application = billing.apply_credit("CREDITED", "EUR", recorded_by="mia", at=now)
    await environment.sync_until_entry(two, "credit.applied")
    assert await environment.outcome(two) == "paid"
    billing.take_back_application(f"B-{two}", application.key, "for another", recorded_by="bea", at=now)
    await environment.sync_until_entry(two, "credit.taken_back")
    kinds = environment.entry_kinds(two)
    assert kinds.index("credit.applied") < kinds.index("case.closed") < kinds.index("case.reopened") < kinds.index("credit.taken_back")
    assert (environment.row(two).outcome, billing.get_invoice_facts(two).open_balance) == (None, 10_000)
    (facts,) = environment.entry_facts(two, "credit.taken_back")
    assert {name: facts[name] for name in ("amount", "currency", "by", "reason", "takes_back", "application")} == {
        "amount": 10_000,
        "currency": "EUR",
        "by": "bea",
        "reason": "for another",
        "takes_back": application.key,
        "application": f"B-{two}",
    }


async def test_a_credit_note_over_the_whole_balance_closes_the_invoice_as_credited(environment: CollectionEnvironment) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    await credit(environment, invoice, 10_000)
    assert await environment.outcome(invoice) == "credited"
    assert environment.row(invoice).stage == "credited"


async def test_a_cancelled_invoice_is_closed_and_its_letter_withdrawn(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - DAY)
    environment.play.parts.billing.cancel_invoice(invoice, at=await environment.play.now())
    await environment.sync_until_entry(invoice, "invoice.cancelled")
    assert await environment.outcome(invoice) == "cancelled"
    await environment.play.run_morning(monday)
    assert environment.letters(invoice) == []
    assert environment.entry_facts(invoice, "letter.withdrawn") == [{"step": "reminder", "reason": "settled"}]


async def test_a_later_due_date_shifts_the_next_steps_and_repeats_none(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await change_due_date(environment, invoice, monday + 10 * DAY)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 18 * DAY)
    # the new due date is a Thursday: its day 7 is the Thursday after
    assert environment.letters(invoice) == [("reminder", monday + DAY), ("second_reminder", monday + 17 * DAY)]


async def test_an_earlier_due_date_brings_the_next_step_forward_but_never_two_at_once(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await change_due_date(environment, invoice, monday - 40 * DAY)
    await environment.play.run_mornings(monday + 2 * DAY, monday + 12 * DAY)
    assert environment.steps_with_dates(invoice)[1:] == [("second_reminder", monday + 4 * DAY), ("phone_call", monday + 11 * DAY)]
    # the letter waits until a week has passed since the first, and the call keeps its distance from that day
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 8 * DAY)]


async def test_below_the_minimum_balance_an_invoice_is_not_chased_until_it_owes_more(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    payment = await environment.pay(invoice, 9_600)
    assert environment.row(invoice).waiting_for == "below_minimum"
    await environment.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    assert len(environment.letters(invoice)) == 1
    await environment.pass_to(monday + 9 * DAY)
    await bounce(environment, invoice, payment)
    await environment.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 14 * DAY)]


async def test_a_bounced_payment_takes_the_case_up_again_where_it_ended(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    first_run = environment.row(invoice).run_id
    payment = await environment.pay(invoice, 10_000)
    assert await environment.outcome(invoice) == "paid"
    await environment.pass_to(monday + 16 * DAY)
    await bounce(environment, invoice, payment)
    await environment.play.run_mornings(monday + 16 * DAY, monday + 22 * DAY)
    assert environment.row(invoice).run_id != first_run
    kinds = environment.entry_kinds(invoice)
    assert (kinds.count("case.opened"), kinds.count("case.reopened")) == (1, 1)
    assert kinds.index("case.closed") < kinds.index("case.reopened") < kinds.index("payment.reversed")
    # fourteen days counted as settled are not collectable: day 7 comes two weeks later, on a Monday
    assert environment.letters(invoice) == [("reminder", monday + DAY), ("second_reminder", monday + 21 * DAY)]


async def test_a_case_can_be_taken_up_again_more_than_once(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    for week in (1, 2):
        payment = await environment.pay(invoice, 10_000)
        assert await environment.outcome(invoice) == "paid"
        await environment.pass_to(monday + 7 * week * DAY + 2 * DAY)
        await bounce(environment, invoice, payment)
    kinds = environment.entry_kinds(invoice)
    assert (kinds.count("case.opened"), kinds.count("case.reopened"), kinds.count("case.closed")) == (1, 2, 2)
    assert environment.steps(invoice) == ["reminder"]


async def test_an_invoice_that_was_paid_before_it_was_ever_opened_gets_no_workflow(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    other = await environment.open_invoice(due=monday)
    environment.play.parts.billing.cancel_invoice(other, at=await environment.play.now())
    await environment.sync_until_entry(other, "invoice.cancelled")
    assert await environment.outcome(other) == "cancelled"
    before = environment.entry_kinds(other)
    assert await environment.play.sync() == 0
    assert environment.entry_kinds(other) == before
