"""One invoice's whole life, on both databases: reminded, partly paid, promised, paused, paid, bounced, and paid again."""

import pytest

from domain.invoice.commands import MakePromise, PauseCollection
from tests.databases import KINDS
from tests.workflows.stage import DAY, InvoiceSpec, PlayStage
from workflows.invoice_collection import InvoiceCollection

pytestmark = pytest.mark.parametrize("theatre", KINDS, indirect=True, scope="module")


async def test_an_invoice_is_collected_from_its_courtesy_note_until_it_is_paid_for_good(stage: PlayStage) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday + 3 * DAY)
    await stage.play.run_mornings(monday, monday + 4 * DAY)
    assert stage.letters(invoice) == [("courtesy_note", monday), ("reminder", monday + 4 * DAY)]

    await stage.pay(invoice, 2_500)
    promise = MakePromise(act_id="promise", actor="mia", amount=7_500, by=monday + 8 * DAY)
    await stage.case(invoice).execute_update(InvoiceCollection.make_promise, promise)
    await stage.play.run_mornings(monday + 5 * DAY, monday + 11 * DAY)
    assert stage.entry_facts(invoice, "promise.broken")[0]["received"] == 0

    pause = PauseCollection(act_id="pause", actor="mia", reason="r", until=monday + 14 * DAY)
    await stage.case(invoice).execute_update(InvoiceCollection.pause, pause)
    await stage.play.run_mornings(monday + 12 * DAY, monday + 21 * DAY)
    assert [step for step, _ in stage.letters(invoice)] == ["courtesy_note", "reminder", "second_reminder"]

    payment = await stage.pay(invoice, 7_500)
    assert await stage.outcome(invoice) == "paid"
    await stage.pass_to(monday + 23 * DAY)
    now = await stage.play.now()
    stage.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await stage.sync_until_entry(invoice, "payment.reversed")
    await stage.play.run_mornings(monday + 23 * DAY, monday + 32 * DAY)
    assert stage.steps(invoice) == ["courtesy_note", "reminder", "second_reminder", "phone_call"]
    await stage.pay(invoice, 7_500)
    assert await stage.outcome(invoice) == "paid"
    assert [state for kind, state, _ in stage.tasks(invoice) if kind == "call"] == ["dropped"]
    assert stage.entry_kinds(invoice).count("case.opened") == 1


async def test_invoices_of_one_account_share_a_letter(stage: PlayStage) -> None:
    monday = await stage.pass_to_monday()
    invoices = await stage.open_invoices(*[InvoiceSpec(monday - DAY, account="SHARED")] * 3)
    await stage.play.run_morning(monday)
    (letter,) = stage.sent_letters("SHARED")
    assert letter.lines == {(invoice, "reminder") for invoice in invoices}
