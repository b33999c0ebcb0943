"""One invoice's whole life, on both databases: reminded, partly paid, promised, paused, paid, bounced, and paid again."""

import pytest

from domain.invoice.commands import MakePromise, PauseCollection
from tests.databases import KINDS
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec
from workflows.invoice_collection import InvoiceCollection

pytestmark = pytest.mark.parametrize("shared_environment", KINDS, indirect=True, scope="module")


async def test_an_invoice_is_collected_from_its_courtesy_note_until_it_is_paid_for_good(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday + 3 * DAY)
    await environment.play.run_mornings(monday, monday + 4 * DAY)
    assert environment.letters(invoice) == [("courtesy_note", monday), ("reminder", monday + 4 * DAY)]

    await environment.pay(invoice, 2_500)
    promise = MakePromise(act_id="promise", actor="mia", amount=7_500, by=monday + 8 * DAY)
    await environment.case(invoice).execute_update(InvoiceCollection.make_promise, promise)
    await environment.play.run_mornings(monday + 5 * DAY, monday + 11 * DAY)
    assert environment.entry_facts(invoice, "promise.broken")[0]["received"] == 0

    pause = PauseCollection(act_id="pause", actor="mia", reason="r", until=monday + 14 * DAY)
    await environment.case(invoice).execute_update(InvoiceCollection.pause, pause)
    await environment.play.run_mornings(monday + 12 * DAY, monday + 21 * DAY)
    assert [step for step, _ in environment.letters(invoice)] == ["courtesy_note", "reminder", "second_reminder"]

    payment = await environment.pay(invoice, 7_500)
    assert await environment.outcome(invoice) == "paid"
    await environment.pass_to(monday + 23 * DAY)
    now = await environment.play.now()
    environment.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await environment.sync_until_entry(invoice, "payment.reversed")
    await environment.play.run_mornings(monday + 23 * DAY, monday + 32 * DAY)
    assert environment.steps(invoice) == ["courtesy_note", "reminder", "second_reminder", "phone_call"]
    await environment.pay(invoice, 7_500)
    assert await environment.outcome(invoice) == "paid"
    assert [state for kind, state, _ in environment.tasks(invoice) if kind == "call"] == ["dropped"]
    assert environment.entry_kinds(invoice).count("case.opened") == 1


async def test_invoices_of_one_account_share_a_letter(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoices = await environment.open_invoices(*[InvoiceSpec(monday - DAY, account="SHARED")] * 3)
    await environment.play.run_morning(monday)
    (letter,) = environment.sent_letters("SHARED")
    assert letter.lines == {(invoice, "reminder") for invoice in invoices}
