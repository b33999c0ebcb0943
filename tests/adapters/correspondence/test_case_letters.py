"""Letters that cases ask for: once each, apart from reminders, and right at the moment they go. It is Tuesday noon."""

from datetime import datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col
from temporalio.testing import ActivityEnvironment

from activities.case_letters import CaseLetterActivities
from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore, LetterNotDecidableError
from adapters.database.tables import Case, Invoice, MessageLine
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from adapters.read_model.correspondence import list_letters
from domain.case.letter_order import DEMAND_LETTERS
from domain.clock import Clock
from domain.correspondence.letter_outcome import LetterResult
from tests.adapters.correspondence.case_letter_orders import (
    AT_ONCE,
    REFUSED,
    SUSPENSION,
    build_order,
    build_warning_order,
    letter_text,
    open_letter_store,
    order_letter,
    run_during_compose,
    take_fates,
    take_outcomes,
    withdraw_letter,
    write_case_row,
)
from tests.adapters.correspondence.correspondence_setup import DAY, HOUR, NOON, TODAY, CorrespondenceSetup

# --- asking


async def test_a_letter_asked_for_twice_is_one_letter(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    letters = CaseLetterActivities(open_letter_store(correspondence), Clock.real_time())
    for _ in range(2):
        await ActivityEnvironment().run(letters.ask_letter, build_warning_order("I1", on=TODAY))
    (letter,) = correspondence.letters()
    assert (letter.case_id, letter.letter, letter.number, letter.invoice_ids, letter.state, letter.told) == (
        SUSPENSION,
        "suspension_warning",
        1,
        ["I1"],
        "intended",
        False,
    )


async def test_a_letter_is_taken_back_by_the_key_it_was_asked_for_and_taken_back_twice_it_stays_so(
    correspondence: CorrespondenceSetup,
) -> None:
    letters = CaseLetterActivities(open_letter_store(correspondence), Clock.real_time())
    order_letter(correspondence, build_warning_order(number=1))
    order_letter(correspondence, build_warning_order(number=2))
    for _ in range(2):
        await ActivityEnvironment().run(letters.withdraw_letter, SUSPENSION, f"{SUSPENSION}:warning:1")
    assert [letter.state for letter in correspondence.letters()] == ["void", "intended"]


def test_a_letter_that_was_taken_back_is_not_asked_for_anew_under_its_key(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    order_letter(correspondence, build_warning_order("I1"))
    withdraw_letter(correspondence)
    order_letter(correspondence, build_warning_order("I1"))
    assert correspondence.send_all(correspondence.letter_outbox()) == 0


@pytest.mark.parametrize(
    ("on", "at", "slot"),
    [
        (TODAY, NOON, NOON + HOUR / 4),
        (TODAY - DAY, NOON, NOON + HOUR / 4),
        (TODAY, NOON + 9 * HOUR, NOON + DAY - 3 * HOUR),
        (TODAY + 4 * DAY, NOON, NOON + 6 * DAY - 3 * HOUR),
    ],
    ids=["soon", "never earlier", "not at night", "not on a Saturday"],
)
def test_a_letter_goes_in_the_first_contact_slot_from_the_day_it_is_wanted(
    correspondence: CorrespondenceSetup, on: Any, at: datetime, slot: datetime
) -> None:
    order_letter(correspondence, build_warning_order(on=on), at)
    assert correspondence.letters()[0].slot == slot


def test_the_currency_of_a_letter_is_what_its_case_speaks_in_or_its_invoices_or_none(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice("I1", currency="GBP")
    order_letter(correspondence, build_order("plan_offer", key="1", details={"currency": "CHF"}))
    order_letter(correspondence, build_order("suspended", "I1", key="2"))
    order_letter(correspondence, build_order("reinstated", key="3"))
    assert [letter.currency for letter in correspondence.letters()] == ["CHF", "GBP", "XXX"]


# --- apart from reminders


def test_a_letter_of_a_case_neither_joins_a_reminder_nor_puts_one_off(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice("I1")
    order_letter(correspondence, build_warning_order("I1"))
    outbox = correspondence.letter_outbox()
    assert correspondence.send_all(outbox) == 1
    correspondence.create_billed_invoice("I2")
    assert correspondence.send_all(outbox) == 1
    of_case, reminder = correspondence.letters()
    assert (correspondence.lines(of_case.id), correspondence.lines(reminder.id)) == ({"I1": "suspension_warning"}, {"I2": "reminder"})


def test_no_request_joins_a_letter_of_a_case_that_has_not_gone(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice("I1")
    letter = order_letter(correspondence, build_warning_order("I1"))
    correspondence.create_billed_invoice("I2")
    correspondence.letter_outbox().claim_due_letters(NOON, 100)
    assert correspondence.requests()["I2"].message_id != letter


def test_letters_of_cases_and_reminders_go_in_one_batch_and_make_one_thread(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice("I1")
    order_letter(correspondence, build_warning_order("I1"))
    correspondence.create_billed_invoice("I2")
    outbox = correspondence.letter_outbox()
    assert correspondence.send_all(outbox) == 2
    correspondence.create_billed_invoice("I3")
    (reminder,) = [letter for letter in outbox.begin_transmission(outbox.claim_due_letters(NOON + 2 * DAY, 100), NOON + 2 * DAY) if letter]
    references = message_from_bytes(reminder.content, policy=default)["References"].split()
    assert references == [letter.message_id for letter in correspondence.letters()[:2]]


# --- right at the moment it goes


def test_a_letter_names_what_is_owed_now_without_what_is_settled_or_disputed(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice("I1", open_balance=0, status="paid")
    correspondence.create_invoice("I2", open_balance=7_000)
    correspondence.create_invoice("I3", disputed=True)
    correspondence.write_case_row("I2")
    with correspondence.database.writing() as session:
        session.execute(update(Case).where(col(Case.invoice_id) == "I2").values(disputed=2_000))
    order_letter(correspondence, build_warning_order("I1", "I2", "I3"))
    outbox = correspondence.letter_outbox()
    (letter,) = outbox.begin_transmission(outbox.claim_due_letters(NOON, 100), NOON)
    assert letter is not None
    assert "€50.00" in letter_text(letter.content)
    assert "€70.00" not in letter_text(letter.content)
    assert {line.invoice_id: line.open_balance for line in correspondence._all(MessageLine)} == {"I1": 0, "I2": 5_000, "I3": 0}


def test_a_hold_stops_no_letter_of_the_case_that_holds(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    correspondence.write_case_row("I1", holds=["suspension"])
    order_letter(correspondence, build_warning_order("I1"))
    assert correspondence.send_all(correspondence.letter_outbox()) == 1


def test_a_warning_gives_the_last_day_of_its_notice_counted_from_the_day_it_goes(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    order_letter(correspondence, build_warning_order("I1"))
    outbox = correspondence.letter_outbox()
    (letter,) = outbox.begin_transmission(outbox.claim_due_letters(NOON + DAY, 100), NOON + DAY)
    assert letter is not None
    assert "19 June 2013" in " ".join(letter_text(letter.content).split())


@pytest.mark.parametrize("template", sorted(DEMAND_LETTERS))
@pytest.mark.parametrize(
    ("change", "reason"),
    [({"status": "paid", "open_balance": 0}, "settled"), ({"status": "written_off"}, "settled"), ({"disputed": True}, "disputed")],
)
def test_what_asks_for_money_does_not_go_when_nothing_is_owed(
    correspondence: CorrespondenceSetup, template: str, change: dict[str, Any], reason: str
) -> None:
    correspondence.create_invoice()
    order_letter(correspondence, build_order(template, "I1"))
    correspondence.change(Invoice, "I1", **change)
    assert correspondence.send_all(correspondence.letter_outbox()) == 0
    assert correspondence.letters()[0].state == "void"
    assert take_fates(correspondence) == [(LetterResult.DROPPED, reason)]


def test_what_asks_for_money_does_not_go_when_its_case_is_over(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    write_case_row(correspondence, "withdrawn")
    order_letter(correspondence, build_warning_order("I1"))
    assert correspondence.send_all(correspondence.letter_outbox()) == 0
    assert take_fates(correspondence) == [(LetterResult.DROPPED, "lapsed")]


@pytest.mark.parametrize(("outcome", "sent"), [(None, 1), ("settled", 0)], ids=["not yet", "given"])
def test_an_answer_is_promised_only_until_it_is_given(correspondence: CorrespondenceSetup, outcome: str | None, sent: int) -> None:
    """Though nothing is asked for while the whole invoice is in dispute."""
    correspondence.create_invoice(disputed=True)
    write_case_row(correspondence, outcome)
    details = {"invoice": "I1", "amount": 10_000, "reason": "quality", "deadline": TODAY.isoformat(), "rest": None}
    order_letter(correspondence, build_order("dispute_received", "I1", details=details))
    assert correspondence.send_all(correspondence.letter_outbox()) == sent
    assert [letter.state for letter in correspondence.letters()] == ["sent" if sent else "void"]


@pytest.mark.parametrize("invoices", [("I1",), ()], ids=["of a settled invoice", "of none"])
def test_what_tells_what_happened_always_goes(correspondence: CorrespondenceSetup, invoices: tuple[str, ...]) -> None:
    correspondence.create_invoice(status="paid", open_balance=0)
    write_case_row(correspondence, "reinstated")
    order_letter(correspondence, build_order("reinstated", *invoices, details={"notice_days": 14, "warned_on": None}))
    assert correspondence.send_all(correspondence.letter_outbox()) == 1
    assert correspondence.lines(correspondence.letters()[0].id) == dict.fromkeys(invoices, "reinstated")


def test_an_invoice_that_is_paid_while_its_letter_is_written_is_read_again(
    correspondence: CorrespondenceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    correspondence.create_invoice()
    order_letter(correspondence, build_warning_order("I1"))
    outbox = correspondence.letter_outbox()
    run_during_compose(outbox, monkeypatch, lambda: correspondence.change(Invoice, "I1", status="paid", open_balance=0, version=2))
    assert correspondence.send_all(outbox) == 0
    assert take_fates(correspondence) == [(LetterResult.DROPPED, "settled")]


# --- taken back


def test_a_letter_that_is_taken_back_while_it_is_written_does_not_go_and_is_told_to_nobody(
    correspondence: CorrespondenceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    correspondence.create_invoice()
    order_letter(correspondence, build_warning_order("I1"))
    outbox = correspondence.letter_outbox()
    run_during_compose(outbox, monkeypatch, lambda: withdraw_letter(correspondence))
    assert correspondence.send_all(outbox) == 0
    assert (correspondence.letters()[0].state, take_outcomes(correspondence)) == ("void", [])


def test_a_letter_in_hand_is_not_taken_back_any_more_but_goes_no_second_time(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    order_letter(correspondence, build_warning_order("I1"))
    outbox = correspondence.letter_outbox(backoff=AT_ONCE)
    ((letter),) = outbox.begin_transmission(outbox.claim_due_letters(NOON, 100), NOON)
    assert letter is not None
    withdraw_letter(correspondence)
    assert correspondence.letters()[0].state == "transmitting"
    outbox.record_outcomes([(letter.message, DeliveryResult(DeliveryOutcome.DEFERRED, 451, "Later"))], NOON)
    assert correspondence.send_all(outbox) == 0
    assert correspondence.letters()[0].state == "void"


def test_a_letter_that_was_refused_and_then_taken_back_is_nobodys_task_and_not_sent_again(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    letter = order_letter(correspondence, build_warning_order("I1"))
    correspondence.send_all(correspondence.letter_outbox(), delivery=REFUSED)
    withdraw_letter(correspondence)
    assert correspondence.tasks() == [("refused_letter", "dropped")]
    with pytest.raises(LetterNotDecidableError, match="taken it back"):
        LetterDecisionStore(correspondence.database).decide(letter, LetterDecision.RESEND, "mia", "", NOON)


# --- who reads of it


def test_lists_show_which_case_asked_for_a_letter_and_which_template_it_is(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    order_letter(correspondence, build_warning_order("I1"))
    correspondence.send_all(correspondence.letter_outbox())
    ((letter,), _) = list_letters(correspondence.database, 10, invoice="I1")
    assert (letter.case_id, letter.letter, letter.state) == (SUSPENSION, "suspension_warning", "sent")


def test_a_letter_in_two_currencies_keeps_each_invoice_in_its_own(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice("I1")
    correspondence.create_invoice("I2", currency="GBP")
    order_letter(correspondence, build_warning_order("I1", "I2"))
    correspondence.send_all(correspondence.letter_outbox())
    ((letter,), _) = list_letters(correspondence.database, 10)
    assert [(line.invoice_id, line.currency) for line in letter.lines] == [("I1", "EUR"), ("I2", "GBP")]
