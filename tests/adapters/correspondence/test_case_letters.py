"""Letters that cases ask for: once each, apart from reminders, and right at the moment they go. It is Tuesday noon."""

from datetime import datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col
from temporalio.testing import ActivityEnvironment

from activities.case_letters import CaseLetters
from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisions, LetterNotUndecided
from adapters.database.tables import Case, Invoice, MessageLine
from adapters.mail.smtp_client import Delivery, Outcome
from adapters.read_model.correspondence import list_letters
from domain.case.letter_order import DEMANDS
from domain.clock import Clock
from domain.correspondence.letter_outcome import LetterFate
from tests.adapters.correspondence.case_letter_orders import (
    AT_ONCE,
    REFUSED,
    SUSPENSION,
    asked,
    book,
    case_stands,
    fates,
    meanwhile,
    order,
    text,
    told,
    warning,
    withdrawn,
)
from tests.adapters.correspondence.office import DAY, HOUR, NOON, TODAY, Office

# --- asking


async def test_a_letter_asked_for_twice_is_one_letter(office: Office) -> None:
    office.invoice()
    letters = CaseLetters(book(office), Clock.real_life())
    for _ in range(2):
        await ActivityEnvironment().run(letters.ask_letter, warning("I1", on=TODAY))
    (letter,) = office.letters()
    assert (letter.case_id, letter.letter, letter.number, letter.invoice_ids, letter.state, letter.told) == (
        SUSPENSION, "suspension_warning", 1, ["I1"], "intended", False,
    )  # fmt: skip


async def test_a_letter_is_taken_back_by_the_key_it_was_asked_for_and_taken_back_twice_it_stays_so(office: Office) -> None:
    letters = CaseLetters(book(office), Clock.real_life())
    asked(office, warning(number=1))
    asked(office, warning(number=2))
    for _ in range(2):
        await ActivityEnvironment().run(letters.withdraw_letter, SUSPENSION, f"{SUSPENSION}:warning:1")
    assert [letter.state for letter in office.letters()] == ["void", "intended"]


def test_a_letter_that_was_taken_back_is_not_asked_for_anew_under_its_key(office: Office) -> None:
    office.invoice()
    asked(office, warning("I1"))
    withdrawn(office)
    asked(office, warning("I1"))
    assert office.send_all(office.desk()) == 0


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
def test_a_letter_goes_in_the_first_contact_slot_from_the_day_it_is_wanted(office: Office, on: Any, at: datetime, slot: datetime) -> None:
    asked(office, warning(on=on), at)
    assert office.letters()[0].slot == slot


def test_the_currency_of_a_letter_is_what_its_case_speaks_in_or_its_invoices_or_none(office: Office) -> None:
    office.invoice("I1", currency="GBP")
    asked(office, order("plan_offer", key="1", details={"currency": "CHF"}))
    asked(office, order("suspended", "I1", key="2"))
    asked(office, order("reinstated", key="3"))
    assert [letter.currency for letter in office.letters()] == ["CHF", "GBP", "XXX"]


# --- apart from reminders


def test_a_letter_of_a_case_neither_joins_a_reminder_nor_puts_one_off(office: Office) -> None:
    office.invoice("I1")
    asked(office, warning("I1"))
    desk = office.desk()
    assert office.send_all(desk) == 1
    office.billed("I2")
    assert office.send_all(desk) == 1
    of_case, reminder = office.letters()
    assert (office.lines(of_case.id), office.lines(reminder.id)) == ({"I1": "suspension_warning"}, {"I2": "reminder"})


def test_no_request_joins_a_letter_of_a_case_that_has_not_gone(office: Office) -> None:
    office.invoice("I1")
    letter = asked(office, warning("I1"))
    office.billed("I2")
    office.desk().intend(NOON, 100)
    assert office.requests()["I2"].message_id != letter


def test_letters_of_cases_and_reminders_go_in_one_batch_and_make_one_thread(office: Office) -> None:
    office.invoice("I1")
    asked(office, warning("I1"))
    office.billed("I2")
    desk = office.desk()
    assert office.send_all(desk) == 2
    office.billed("I3")
    (reminder,) = [letter for letter in desk.begin(desk.intend(NOON + 2 * DAY, 100), NOON + 2 * DAY) if letter]
    references = message_from_bytes(reminder.content, policy=default)["References"].split()
    assert references == [letter.message_id for letter in office.letters()[:2]]


# --- right at the moment it goes


def test_a_letter_names_what_is_owed_now_without_what_is_settled_or_disputed(office: Office) -> None:
    office.invoice("I1", open_balance=0, status="paid")
    office.invoice("I2", open_balance=7_000)
    office.invoice("I3", disputed=True)
    office.stands("I2")
    with office.database.writing() as session:
        session.execute(update(Case).where(col(Case.invoice_id) == "I2").values(disputed=2_000))
    asked(office, warning("I1", "I2", "I3"))
    desk = office.desk()
    (letter,) = desk.begin(desk.intend(NOON, 100), NOON)
    assert letter is not None
    assert "€50.00" in text(letter.content)
    assert "€70.00" not in text(letter.content)
    assert {line.invoice_id: line.open_balance for line in office._all(MessageLine)} == {"I1": 0, "I2": 5_000, "I3": 0}


def test_a_hold_stops_no_letter_of_the_case_that_holds(office: Office) -> None:
    office.invoice()
    office.stands("I1", holds=["suspension"])
    asked(office, warning("I1"))
    assert office.send_all(office.desk()) == 1


def test_a_warning_gives_the_last_day_of_its_notice_counted_from_the_day_it_goes(office: Office) -> None:
    office.invoice()
    asked(office, warning("I1"))
    desk = office.desk()
    (letter,) = desk.begin(desk.intend(NOON + DAY, 100), NOON + DAY)
    assert letter is not None
    assert "19 June 2013" in " ".join(text(letter.content).split())


@pytest.mark.parametrize("template", sorted(DEMANDS))
@pytest.mark.parametrize(
    ("change", "reason"),
    [({"status": "paid", "open_balance": 0}, "settled"), ({"status": "written_off"}, "settled"), ({"disputed": True}, "disputed")],
)
def test_what_asks_for_money_does_not_go_when_nothing_is_owed(office: Office, template: str, change: dict[str, Any], reason: str) -> None:
    office.invoice()
    asked(office, order(template, "I1"))
    office.change(Invoice, "I1", **change)
    assert office.send_all(office.desk()) == 0
    assert office.letters()[0].state == "void"
    assert fates(office) == [(LetterFate.DROPPED, reason)]


def test_what_asks_for_money_does_not_go_when_its_case_is_over(office: Office) -> None:
    office.invoice()
    case_stands(office, "withdrawn")
    asked(office, warning("I1"))
    assert office.send_all(office.desk()) == 0
    assert fates(office) == [(LetterFate.DROPPED, "lapsed")]


@pytest.mark.parametrize(("outcome", "sent"), [(None, 1), ("settled", 0)], ids=["not yet", "given"])
def test_an_answer_is_promised_only_until_it_is_given(office: Office, outcome: str | None, sent: int) -> None:
    """Though nothing is asked for while the whole invoice is in dispute."""
    office.invoice(disputed=True)
    case_stands(office, outcome)
    details = {"invoice": "I1", "amount": 10_000, "reason": "quality", "deadline": TODAY.isoformat(), "rest": None}
    asked(office, order("dispute_received", "I1", details=details))
    assert office.send_all(office.desk()) == sent
    assert [letter.state for letter in office.letters()] == ["sent" if sent else "void"]


@pytest.mark.parametrize("invoices", [("I1",), ()], ids=["of a settled invoice", "of none"])
def test_what_tells_what_happened_always_goes(office: Office, invoices: tuple[str, ...]) -> None:
    office.invoice(status="paid", open_balance=0)
    case_stands(office, "reinstated")
    asked(office, order("reinstated", *invoices, details={"notice_days": 14, "warned_on": None}))
    assert office.send_all(office.desk()) == 1
    assert office.lines(office.letters()[0].id) == dict.fromkeys(invoices, "reinstated")


def test_an_invoice_that_is_paid_while_its_letter_is_written_is_read_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.invoice()
    asked(office, warning("I1"))
    desk = office.desk()
    meanwhile(desk, monkeypatch, lambda: office.change(Invoice, "I1", status="paid", open_balance=0, version=2))
    assert office.send_all(desk) == 0
    assert fates(office) == [(LetterFate.DROPPED, "settled")]


# --- taken back


def test_a_letter_that_is_taken_back_while_it_is_written_does_not_go_and_is_told_to_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.invoice()
    asked(office, warning("I1"))
    desk = office.desk()
    meanwhile(desk, monkeypatch, lambda: withdrawn(office))
    assert office.send_all(desk) == 0
    assert (office.letters()[0].state, told(office)) == ("void", [])


def test_a_letter_in_hand_is_not_taken_back_any_more_but_goes_no_second_time(office: Office) -> None:
    office.invoice()
    asked(office, warning("I1"))
    desk = office.desk(backoff=AT_ONCE)
    ((letter),) = desk.begin(desk.intend(NOON, 100), NOON)
    assert letter is not None
    withdrawn(office)
    assert office.letters()[0].state == "transmitting"
    desk.end([(letter.message, Delivery(Outcome.DEFERRED, 451, "Later"))], NOON)
    assert office.send_all(desk) == 0
    assert office.letters()[0].state == "void"


def test_a_letter_that_was_refused_and_then_taken_back_is_nobodys_task_and_not_sent_again(office: Office) -> None:
    office.invoice()
    letter = asked(office, warning("I1"))
    office.send_all(office.desk(), delivery=REFUSED)
    withdrawn(office)
    assert office.tasks() == [("refused_letter", "dropped")]
    with pytest.raises(LetterNotUndecided, match="taken it back"):
        LetterDecisions(office.database).decide(letter, LetterDecision.RESEND, "mia", "", NOON)


# --- who reads of it


def test_lists_show_which_case_asked_for_a_letter_and_which_template_it_is(office: Office) -> None:
    office.invoice()
    asked(office, warning("I1"))
    office.send_all(office.desk())
    ((letter,), _) = list_letters(office.database, 10, invoice="I1")
    assert (letter.case_id, letter.letter, letter.state) == (SUSPENSION, "suspension_warning", "sent")


def test_a_letter_in_two_currencies_keeps_each_invoice_in_its_own(office: Office) -> None:
    office.invoice("I1")
    office.invoice("I2", currency="GBP")
    asked(office, warning("I1", "I2"))
    office.send_all(office.desk())
    ((letter,), _) = list_letters(office.database, 10)
    assert [(line.invoice_id, line.currency) for line in letter.lines] == [("I1", "EUR"), ("I2", "GBP")]
