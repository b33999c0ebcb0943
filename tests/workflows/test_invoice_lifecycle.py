"""One invoice's whole life, on both databases: reminded, partly paid, promised, paused, paid, bounced, and paid again."""

import pytest

from domain.invoice.commands import MakePromise, Pause
from tests.databases import KINDS
from tests.workflows.stage import DAY, Bill, Stage
from workflows.invoice_collection import InvoiceCollection

pytestmark = pytest.mark.parametrize("theatre", KINDS, indirect=True, scope="module")


async def test_an_invoice_is_collected_from_its_courtesy_note_until_it_is_paid_for_good(stage: Stage) -> None:
    monday = await stage.monday()
    invoice = await stage.open_one(due=monday + 3 * DAY)
    await stage.play.days(monday, monday + 4 * DAY)
    assert stage.letters(invoice) == [("courtesy_note", monday), ("reminder", monday + 4 * DAY)]

    await stage.pay(invoice, 2_500)
    promise = MakePromise(act_id="promise", actor="mia", amount=7_500, by=monday + 8 * DAY)
    await stage.case(invoice).execute_update(InvoiceCollection.make_promise, promise)
    await stage.play.days(monday + 5 * DAY, monday + 11 * DAY)
    assert stage.facts(invoice, "promise.broken")[0]["received"] == 0

    pause = Pause(act_id="pause", actor="mia", reason="r", until=monday + 14 * DAY)
    await stage.case(invoice).execute_update(InvoiceCollection.pause, pause)
    await stage.play.days(monday + 12 * DAY, monday + 21 * DAY)
    assert [step for step, _ in stage.letters(invoice)] == ["courtesy_note", "reminder", "second_reminder"]

    payment = await stage.pay(invoice, 7_500)
    assert await stage.outcome(invoice) == "paid"
    await stage.pass_to(monday + 23 * DAY)
    now = await stage.play.now()
    stage.play.parts.ledger.reverse_payment(payment, now.date(), at=now)
    await stage.hear(invoice, "payment.reversed")
    await stage.play.days(monday + 23 * DAY, monday + 32 * DAY)
    assert stage.steps(invoice) == ["courtesy_note", "reminder", "second_reminder", "phone_call"]
    await stage.pay(invoice, 7_500)
    assert await stage.outcome(invoice) == "paid"
    assert [state for kind, state, _ in stage.tasks(invoice) if kind == "call"] == ["dropped"]
    assert stage.kinds(invoice).count("case.opened") == 1


async def test_invoices_of_one_account_share_a_letter(stage: Stage) -> None:
    monday = await stage.monday()
    invoices = await stage.open(*[Bill(monday - DAY, account="SHARED")] * 3)
    await stage.play.morning(monday)
    (letter,) = stage.sent("SHARED")
    assert letter.lines == {(invoice, "reminder") for invoice in invoices}
