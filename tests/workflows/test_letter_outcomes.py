"""What becomes of letters, as the invoices that asked for them live through it. Invoices are reminded on a Monday."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlmodel import col
from temporalio.client import WorkflowUpdateFailedError

from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.database.tables import Contact, ContactRequest, Message
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from adapters.temporal.handler_names import UPDATE_NAMES
from domain.invoice.commands import CallOutcome, LogCall, ResendLetter, SkipLetter
from tests.workflows.collection_environment import DAY, CollectionEnvironment, fix_delivery


def mail_is(
    monkeypatch: pytest.MonkeyPatch, environment: CollectionEnvironment, outcome: DeliveryOutcome, code: int | None = None, text: str = ""
) -> None:
    monkeypatch.setattr(environment.play.parts.mailer, "send", fix_delivery(outcome, code, text))


async def morning(environment: CollectionEnvironment, day: date) -> None:
    """A morning on which deferred letters have rested long enough: their rest is real time, of which a test has none."""
    with environment.database.writing() as session:
        session.execute(update(Message).values(next_attempt_at=None))
    await environment.play.run_morning(day)


def decide(environment: CollectionEnvironment, invoice: str, decision: LetterDecision, day: date) -> None:
    """A person decides about the invoice's one letter, on a morning."""
    with environment.database.reading() as session:
        account = environment.account_and_currency(invoice)[0]
        letter = session.scalars(select(col(Message.id)).where(col(Message.account_id) == account)).one()
    LetterDecisionStore(environment.database).decide(letter or 0, decision, "mia", "", datetime.combine(day, time(9), UTC))


def states(environment: CollectionEnvironment, invoice: str) -> list[str]:
    with environment.database.reading() as session:
        account = environment.account_and_currency(invoice)[0]
        return list(session.scalars(select(col(Message.state)).where(col(Message.account_id) == account).order_by(col(Message.id))))


async def test_a_letter_deferred_for_days_holds_the_next_step_back_which_then_keeps_its_distance(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - 2 * DAY)
    with monkeypatch.context() as broken:
        mail_is(broken, environment, DeliveryOutcome.DEFERRED, 451, "Later")
        for offset in range(8):
            await morning(environment, monday + offset * DAY)
    assert (states(environment, invoice), environment.steps(invoice)) == (["intended"], ["reminder"])
    assert environment.row(invoice).waiting_for == "letter"
    await morning(environment, monday + 8 * DAY)
    await environment.wait_until(lambda: "letter.sent" in environment.entry_kinds(invoice))
    await environment.play.run_mornings(monday + 9 * DAY, monday + 15 * DAY)
    # the second reminder was due on Saturday; the reminder went on the Tuesday of the week after: three days later the invoice asks for
    # the next, which goes a week after it
    assert environment.steps_with_dates(invoice)[1:] == [("second_reminder", monday + 11 * DAY)]
    assert environment.letters(invoice) == [("reminder", monday + 8 * DAY), ("second_reminder", monday + 15 * DAY)]
    assert len(states(environment, invoice)) == 2


async def test_a_refused_letter_is_in_the_journal_and_on_a_persons_list_and_its_step_is_asked_for_again(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - 2 * DAY)
    with monkeypatch.context() as broken:
        mail_is(broken, environment, DeliveryOutcome.REFUSED, 554, "No such mailbox")
        assert (await environment.play.run_morning(monday)).refused == 1
    await environment.wait_until(lambda: "letter.refused" in environment.entry_kinds(invoice))
    assert environment.entry_facts(invoice, "letter.refused")[0]["reason"] == "554 No such mailbox"
    assert environment.tasks(invoice) == [("refused_letter", "open", monday)]
    assert environment.entry_facts(invoice, "letter.refused")[0]["due_again"] is True
    await environment.play.run_mornings(monday + DAY, monday + 14 * DAY)
    # refused for its content, it is not tried every day: it keeps the account's rhythm, and nothing harsher comes before it
    assert environment.letters(invoice) == [("reminder", monday + 7 * DAY), ("second_reminder", monday + 14 * DAY)]
    assert environment.steps(invoice) == ["reminder", "reminder", "second_reminder"]


async def test_a_letter_whose_address_was_refused_waits_for_another_and_goes_by_itself_once_there_is_one(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - 2 * DAY)
    account = environment.account_and_currency(invoice)[0]
    with monkeypatch.context() as broken:

        async def refuse(*_: object) -> DeliveryResult:
            return DeliveryResult(DeliveryOutcome.REFUSED, 550, "No such user", address_refused=True)

        broken.setattr(environment.play.parts.mailer, "send", refuse)
        assert (await environment.play.run_morning(monday)).refused == 1
    await environment.wait_until(lambda: environment.steps(invoice) == ["reminder", "reminder"])
    await environment.play.run_mornings(monday + DAY, monday + 60 * DAY)
    assert (environment.letters(invoice), environment.steps(invoice)) == ([], ["reminder", "reminder"])
    assert [task[:2] for task in environment.tasks(invoice)] == [("refused_letter", "open"), ("no_address", "open")]
    assert environment.row(invoice).waiting_for == "letter"
    with environment.database.writing() as session:
        mended = {"email": "other@customer.test", "undeliverable_since": None}
        session.execute(update(Contact).where(col(Contact.account_id) == account).values(mended))
    await environment.play.run_mornings(monday + 61 * DAY, monday + 63 * DAY)
    assert [step for step, _ in environment.letters(invoice)] == ["reminder"]
    assert [task[:2] for task in environment.tasks(invoice)] == [("refused_letter", "dropped"), ("no_address", "dropped")]
    await environment.play.run_mornings(monday + 64 * DAY, monday + 75 * DAY)
    assert [step for step, _ in environment.letters(invoice)] == ["reminder", "second_reminder"]


async def test_a_paid_invoice_whose_case_has_not_heard_of_it_asks_for_its_letter_once(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - 2 * DAY)
    account, currency = environment.account_and_currency(invoice)
    billing, now = environment.play.parts.billing, await environment.play.now()
    billing.record_payment(f"P-{invoice}", account, currency, 10_000, monday, invoice_id=invoice, at=now)
    for hours in (10, 5, 24, 24):
        await environment.play.skip_server_time(await environment.play.environment.get_current_time() + timedelta(hours=hours))
        await environment.play.send_letters()
        await environment.wait_until(lambda: environment.row(invoice).waiting_for == "billing")
    told = ["step.taken", "letter.requested", "letter.dropped"]
    assert [kind for kind in environment.entry_kinds(invoice) if kind in told] == told
    assert environment.entry_facts(invoice, "letter.dropped")[0]["reason"] == "settled"
    await environment.play.sync()
    assert await environment.outcome(invoice) == "paid"


async def test_a_letter_of_unknown_fate_is_never_sent_again_blindly(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - 2 * DAY)
    with monkeypatch.context() as broken:
        mail_is(broken, environment, DeliveryOutcome.UNKNOWN, None, "The line was cut")
        assert (await environment.play.run_morning(monday)).unknown == 1
    await environment.wait_until(lambda: "letter.unknown" in environment.entry_kinds(invoice))
    assert environment.tasks(invoice) == [("unknown_letter", "open", monday)]
    assert environment.entry_facts(invoice, "letter.unknown")[0]["in_doubt"] is True
    await environment.play.run_mornings(monday + DAY, monday + 60 * DAY)
    assert (states(environment, invoice), environment.steps(invoice)) == (["unknown"], ["reminder"])
    row = environment.row(invoice)
    assert (row.waiting_for, row.next_step, row.next_on) == ("letter_decision", "second_reminder", None)


@pytest.mark.parametrize(
    ("decision", "kind", "letters"),
    [
        (LetterDecision.DELIVERED, "letter.sent", [("reminder", 8), ("second_reminder", 15)]),
        (LetterDecision.RESEND, "letter.sent", [("reminder", 8), ("second_reminder", 15)]),
        (None, "letter.unknown", []),
    ],
)
async def test_what_a_person_decides_about_a_letter_in_doubt_reaches_its_invoice(
    environment: CollectionEnvironment,
    monkeypatch: pytest.MonkeyPatch,
    decision: LetterDecision | None,
    kind: str,
    letters: list[tuple[str, int]],
) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - 2 * DAY)
    with monkeypatch.context() as broken:
        mail_is(broken, environment, DeliveryOutcome.UNKNOWN, None, "The line was cut")
        await environment.play.run_morning(monday)
    await environment.wait_until(lambda: "letter.unknown" in environment.entry_kinds(invoice))
    await environment.play.run_mornings(monday + DAY, monday + 7 * DAY)
    if decision:
        decide(environment, invoice, decision, monday + 8 * DAY)
    await environment.play.run_morning(monday + 8 * DAY)
    await environment.wait_until(lambda: environment.entry_kinds(invoice)[-1] == kind)
    await environment.play.run_mornings(monday + 9 * DAY, monday + 15 * DAY)
    assert environment.letters(invoice) == [(step, monday + days * DAY) for step, days in letters]
    await environment.wait_until(lambda: environment.row(invoice).waiting_for == ("letter_decision" if decision is None else "time"))


SKIP, CALL = (
    SkipLetter(act_id="skip", actor="mia", reason="spoken to at the fair"),
    LogCall(act_id="call", actor="mia", outcome=CallOutcome.REACHED),
)


@pytest.mark.parametrize("outcome", [DeliveryOutcome.REFUSED, DeliveryOutcome.UNKNOWN])
@pytest.mark.parametrize("act", [SKIP, CALL], ids=["skip", "call"])
async def test_people_go_on_without_a_letter_that_did_not_arrive(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch, outcome: DeliveryOutcome, act: SkipLetter | LogCall
) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - 2 * DAY)
    with monkeypatch.context() as broken:
        mail_is(broken, environment, outcome, 554 if outcome is DeliveryOutcome.REFUSED else None, "No")
        await environment.play.run_morning(monday)
    await environment.wait_until(lambda: f"letter.{outcome.value}" in environment.entry_kinds(invoice))
    await environment.play.run_mornings(monday + DAY, monday + 3 * DAY)
    await environment.case(invoice).execute_update(UPDATE_NAMES[type(act)].value, act)
    assert environment.entry_kinds(invoice)[-1] == "letter.skipped"
    assert [task[:2] for task in environment.tasks(invoice)] == [(f"{outcome.value}_letter", "done")]
    await environment.play.run_mornings(monday + 4 * DAY, monday + 10 * DAY)
    # the step counts as taken on Thursday: the second reminder was due on Saturday, and keeps its distance from it; the reminder never went
    assert [step for step, _ in environment.letters(invoice)] == ["second_reminder"]


async def test_nothing_is_to_be_gone_on_without_while_letters_arrive(environment: CollectionEnvironment) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await environment.case(invoice).execute_update(UPDATE_NAMES[SkipLetter].value, SKIP)
    assert "no letter of this invoice was refused" in str(refused.value.cause)


async def test_an_invoice_hears_at_once_of_the_late_letter_that_it_waits_for(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - DAY)
    await environment.pass_to(monday + 8 * DAY, hour=14)
    assert environment.row(invoice).waiting_for == "letter"
    assert (await environment.play.send_letters()).sent == 1
    await environment.wait_until(lambda: environment.row(invoice).waiting_for == "time")
    assert environment.entry_kinds(invoice)[-1] == "letter.sent"
    assert environment.row(invoice).next_on == monday + 11 * DAY


async def test_a_letter_to_a_customer_without_an_address_is_a_persons_task_and_goes_once_there_is_one(
    environment: CollectionEnvironment,
) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - DAY)
    account = environment.account_and_currency(invoice)[0]
    with environment.database.writing() as session:
        session.execute(update(Contact).where(col(Contact.account_id) == account).values(email=""))
    await environment.play.run_morning(monday)
    assert (environment.letters(invoice), environment.tasks(invoice)) == ([], [("no_address", "open", monday)])
    with environment.database.writing() as session:
        session.execute(update(Contact).where(col(Contact.account_id) == account).values(email="kim@customer.test"))
    await environment.play.run_mornings(monday + DAY, monday + 2 * DAY)
    assert [step for step, _ in environment.letters(invoice)] == ["reminder"]


async def test_a_letter_without_a_trace_is_a_persons_to_have_sent_again(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - DAY)
    await environment.pass_to(monday + DAY)
    with environment.database.writing() as session:
        session.execute(delete(ContactRequest).where(col(ContactRequest.invoice_id) == invoice))
    await environment.play.run_morning(monday + 8 * DAY)
    await environment.wait_for_entries(invoice, "letter.unknown")
    assert [task[:2] for task in environment.tasks(invoice)] == [("unknown_letter", "open")]
    resend = ResendLetter(act_id=f"{invoice}-again", actor="mia")
    await environment.case(invoice).execute_update(UPDATE_NAMES[ResendLetter].value, resend)
    await environment.play.run_mornings(monday + 9 * DAY, monday + 10 * DAY)
    assert [step for step, _ in environment.letters(invoice)] == ["reminder"]
    assert [task[:2] for task in environment.tasks(invoice)] == [("unknown_letter", "done")]
    assert environment.row(invoice).waiting_for == "time"
