"""What becomes of letters, as the invoices that asked for them live through it. Invoices are reminded on a Monday."""

from datetime import date

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from adapters.database.tables import Contact, Message
from adapters.mail.smtp_client import DeliveryOutcome
from tests.workflows.stage import DAY, PlayStage, fix_delivery


def mail_is(monkeypatch: pytest.MonkeyPatch, stage: PlayStage, outcome: DeliveryOutcome, code: int | None = None, text: str = "") -> None:
    monkeypatch.setattr(stage.play.parts.mailer, "send", fix_delivery(outcome, code, text))


async def morning(stage: PlayStage, day: date) -> None:
    """A morning on which deferred letters have rested long enough: their rest is real time, of which a test has none."""
    with stage.database.writing() as session:
        session.execute(update(Message).values(next_attempt_at=None))
    await stage.play.run_morning(day)


def states(stage: PlayStage, invoice: str) -> list[str]:
    with stage.database.reading() as session:
        account = stage.account_and_currency(invoice)[0]
        return list(session.scalars(select(col(Message.state)).where(col(Message.account_id) == account).order_by(col(Message.id))))


async def test_a_letter_deferred_for_days_holds_the_next_step_back_which_then_keeps_its_distance(
    stage: PlayStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - 2 * DAY)
    with monkeypatch.context() as broken:
        mail_is(broken, stage, DeliveryOutcome.DEFERRED, 451, "Later")
        for offset in range(8):
            await morning(stage, monday + offset * DAY)
    assert (states(stage, invoice), stage.steps(invoice)) == (["intended"], ["reminder"])
    assert stage.row(invoice).waiting_for == "letter"
    await morning(stage, monday + 8 * DAY)
    await stage.wait_until(lambda: "letter.sent" in stage.entry_kinds(invoice))
    await stage.play.run_mornings(monday + 9 * DAY, monday + 11 * DAY)
    # the second reminder was due on Saturday; the reminder went on the Tuesday of the week after
    assert stage.letters(invoice) == [("reminder", monday + 8 * DAY), ("second_reminder", monday + 11 * DAY)]
    assert len(states(stage, invoice)) == 2


async def test_a_refused_letter_is_in_the_journal_and_on_a_persons_list_and_the_timeline_goes_on(
    stage: PlayStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - 2 * DAY)
    with monkeypatch.context() as broken:
        mail_is(broken, stage, DeliveryOutcome.REFUSED, 554, "No such mailbox")
        assert (await stage.play.run_morning(monday)).refused == 1
    await stage.wait_until(lambda: "letter.refused" in stage.entry_kinds(invoice))
    assert stage.entry_facts(invoice, "letter.refused")[0]["reason"] == "554 No such mailbox"
    assert stage.tasks(invoice) == [("refused_letter", "open", monday)]
    await stage.play.run_mornings(monday + DAY, monday + 7 * DAY)
    assert [step for step, _ in stage.letters(invoice)] == ["second_reminder"]
    assert stage.steps(invoice) == ["reminder", "second_reminder"]


async def test_a_letter_of_unknown_fate_is_never_sent_again_blindly(stage: PlayStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - 2 * DAY)
    with monkeypatch.context() as broken:
        mail_is(broken, stage, DeliveryOutcome.UNKNOWN, None, "The line was cut")
        assert (await stage.play.run_morning(monday)).unknown == 1
    await stage.wait_until(lambda: "letter.unknown" in stage.entry_kinds(invoice))
    assert stage.tasks(invoice) == [("unknown_letter", "open", monday)]
    await stage.play.run_mornings(monday + DAY, monday + 7 * DAY)
    assert (states(stage, invoice), stage.steps(invoice)) == (["unknown", "sent"], ["reminder", "second_reminder"])


async def test_an_invoice_hears_at_once_of_the_late_letter_that_it_waits_for(stage: PlayStage) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - DAY)
    await stage.pass_to(monday + 8 * DAY, hour=14)
    assert stage.row(invoice).waiting_for == "letter"
    assert (await stage.play.send_letters()).sent == 1
    await stage.wait_until(lambda: stage.row(invoice).waiting_for == "time")
    assert stage.entry_kinds(invoice)[-1] == "letter.sent"
    assert stage.row(invoice).next_on == monday + 11 * DAY


async def test_a_letter_to_a_customer_without_an_address_is_a_persons_task_and_goes_once_there_is_one(stage: PlayStage) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - DAY)
    account = stage.account_and_currency(invoice)[0]
    with stage.database.writing() as session:
        session.execute(update(Contact).where(col(Contact.account_id) == account).values(email=""))
    await stage.play.run_morning(monday)
    assert (stage.letters(invoice), stage.tasks(invoice)) == ([], [("no_address", "open", monday)])
    with stage.database.writing() as session:
        session.execute(update(Contact).where(col(Contact.account_id) == account).values(email="kim@customer.test"))
    await stage.play.run_mornings(monday + DAY, monday + 2 * DAY)
    assert [step for step, _ in stage.letters(invoice)] == ["reminder"]
