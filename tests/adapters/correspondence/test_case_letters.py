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
from tests.adapters.correspondence.office import DAY, HOUR, NOON, TODAY, CorrespondenceOffice

# --- asking


async def test_a_letter_asked_for_twice_is_one_letter(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    letters = CaseLetterActivities(open_letter_store(office), Clock.real_time())
    for _ in range(2):
        await ActivityEnvironment().run(letters.ask_letter, build_warning_order("I1", on=TODAY))
    (letter,) = office.letters()
    assert (letter.case_id, letter.letter, letter.number, letter.invoice_ids, letter.state, letter.told) == (
        SUSPENSION,
        "suspension_warning",
        1,
        ["I1"],
        "intended",
        False,
    )


async def test_a_letter_is_taken_back_by_the_key_it_was_asked_for_and_taken_back_twice_it_stays_so(office: CorrespondenceOffice) -> None:
    letters = CaseLetterActivities(open_letter_store(office), Clock.real_time())
    order_letter(office, build_warning_order(number=1))
    order_letter(office, build_warning_order(number=2))
    for _ in range(2):
        await ActivityEnvironment().run(letters.withdraw_letter, SUSPENSION, f"{SUSPENSION}:warning:1")
    assert [letter.state for letter in office.letters()] == ["void", "intended"]


def test_a_letter_that_was_taken_back_is_not_asked_for_anew_under_its_key(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    order_letter(office, build_warning_order("I1"))
    withdraw_letter(office)
    order_letter(office, build_warning_order("I1"))
    assert office.send_all(office.letter_outbox()) == 0


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
    office: CorrespondenceOffice, on: Any, at: datetime, slot: datetime
) -> None:
    order_letter(office, build_warning_order(on=on), at)
    assert office.letters()[0].slot == slot


def test_the_currency_of_a_letter_is_what_its_case_speaks_in_or_its_invoices_or_none(office: CorrespondenceOffice) -> None:
    office.create_invoice("I1", currency="GBP")
    order_letter(office, build_order("plan_offer", key="1", details={"currency": "CHF"}))
    order_letter(office, build_order("suspended", "I1", key="2"))
    order_letter(office, build_order("reinstated", key="3"))
    assert [letter.currency for letter in office.letters()] == ["CHF", "GBP", "XXX"]


# --- apart from reminders


def test_a_letter_of_a_case_neither_joins_a_reminder_nor_puts_one_off(office: CorrespondenceOffice) -> None:
    office.create_invoice("I1")
    order_letter(office, build_warning_order("I1"))
    desk = office.letter_outbox()
    assert office.send_all(desk) == 1
    office.create_billed_invoice("I2")
    assert office.send_all(desk) == 1
    of_case, reminder = office.letters()
    assert (office.lines(of_case.id), office.lines(reminder.id)) == ({"I1": "suspension_warning"}, {"I2": "reminder"})


def test_no_request_joins_a_letter_of_a_case_that_has_not_gone(office: CorrespondenceOffice) -> None:
    office.create_invoice("I1")
    letter = order_letter(office, build_warning_order("I1"))
    office.create_billed_invoice("I2")
    office.letter_outbox().claim_due_letters(NOON, 100)
    assert office.requests()["I2"].message_id != letter


def test_letters_of_cases_and_reminders_go_in_one_batch_and_make_one_thread(office: CorrespondenceOffice) -> None:
    office.create_invoice("I1")
    order_letter(office, build_warning_order("I1"))
    office.create_billed_invoice("I2")
    desk = office.letter_outbox()
    assert office.send_all(desk) == 2
    office.create_billed_invoice("I3")
    (reminder,) = [letter for letter in desk.begin_transmission(desk.claim_due_letters(NOON + 2 * DAY, 100), NOON + 2 * DAY) if letter]
    references = message_from_bytes(reminder.content, policy=default)["References"].split()
    assert references == [letter.message_id for letter in office.letters()[:2]]


# --- right at the moment it goes


def test_a_letter_names_what_is_owed_now_without_what_is_settled_or_disputed(office: CorrespondenceOffice) -> None:
    office.create_invoice("I1", open_balance=0, status="paid")
    office.create_invoice("I2", open_balance=7_000)
    office.create_invoice("I3", disputed=True)
    office.write_case_row("I2")
    with office.database.writing() as session:
        session.execute(update(Case).where(col(Case.invoice_id) == "I2").values(disputed=2_000))
    order_letter(office, build_warning_order("I1", "I2", "I3"))
    desk = office.letter_outbox()
    (letter,) = desk.begin_transmission(desk.claim_due_letters(NOON, 100), NOON)
    assert letter is not None
    assert "€50.00" in letter_text(letter.content)
    assert "€70.00" not in letter_text(letter.content)
    assert {line.invoice_id: line.open_balance for line in office._all(MessageLine)} == {"I1": 0, "I2": 5_000, "I3": 0}


def test_a_hold_stops_no_letter_of_the_case_that_holds(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    office.write_case_row("I1", holds=["suspension"])
    order_letter(office, build_warning_order("I1"))
    assert office.send_all(office.letter_outbox()) == 1


def test_a_warning_gives_the_last_day_of_its_notice_counted_from_the_day_it_goes(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    order_letter(office, build_warning_order("I1"))
    desk = office.letter_outbox()
    (letter,) = desk.begin_transmission(desk.claim_due_letters(NOON + DAY, 100), NOON + DAY)
    assert letter is not None
    assert "19 June 2013" in " ".join(letter_text(letter.content).split())


@pytest.mark.parametrize("template", sorted(DEMAND_LETTERS))
@pytest.mark.parametrize(
    ("change", "reason"),
    [({"status": "paid", "open_balance": 0}, "settled"), ({"status": "written_off"}, "settled"), ({"disputed": True}, "disputed")],
)
def test_what_asks_for_money_does_not_go_when_nothing_is_owed(
    office: CorrespondenceOffice, template: str, change: dict[str, Any], reason: str
) -> None:
    office.create_invoice()
    order_letter(office, build_order(template, "I1"))
    office.change(Invoice, "I1", **change)
    assert office.send_all(office.letter_outbox()) == 0
    assert office.letters()[0].state == "void"
    assert take_fates(office) == [(LetterResult.DROPPED, reason)]


def test_what_asks_for_money_does_not_go_when_its_case_is_over(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    write_case_row(office, "withdrawn")
    order_letter(office, build_warning_order("I1"))
    assert office.send_all(office.letter_outbox()) == 0
    assert take_fates(office) == [(LetterResult.DROPPED, "lapsed")]


@pytest.mark.parametrize(("outcome", "sent"), [(None, 1), ("settled", 0)], ids=["not yet", "given"])
def test_an_answer_is_promised_only_until_it_is_given(office: CorrespondenceOffice, outcome: str | None, sent: int) -> None:
    """Though nothing is asked for while the whole invoice is in dispute."""
    office.create_invoice(disputed=True)
    write_case_row(office, outcome)
    details = {"invoice": "I1", "amount": 10_000, "reason": "quality", "deadline": TODAY.isoformat(), "rest": None}
    order_letter(office, build_order("dispute_received", "I1", details=details))
    assert office.send_all(office.letter_outbox()) == sent
    assert [letter.state for letter in office.letters()] == ["sent" if sent else "void"]


@pytest.mark.parametrize("invoices", [("I1",), ()], ids=["of a settled invoice", "of none"])
def test_what_tells_what_happened_always_goes(office: CorrespondenceOffice, invoices: tuple[str, ...]) -> None:
    office.create_invoice(status="paid", open_balance=0)
    write_case_row(office, "reinstated")
    order_letter(office, build_order("reinstated", *invoices, details={"notice_days": 14, "warned_on": None}))
    assert office.send_all(office.letter_outbox()) == 1
    assert office.lines(office.letters()[0].id) == dict.fromkeys(invoices, "reinstated")


def test_an_invoice_that_is_paid_while_its_letter_is_written_is_read_again(
    office: CorrespondenceOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.create_invoice()
    order_letter(office, build_warning_order("I1"))
    desk = office.letter_outbox()
    run_during_compose(desk, monkeypatch, lambda: office.change(Invoice, "I1", status="paid", open_balance=0, version=2))
    assert office.send_all(desk) == 0
    assert take_fates(office) == [(LetterResult.DROPPED, "settled")]


# --- taken back


def test_a_letter_that_is_taken_back_while_it_is_written_does_not_go_and_is_told_to_nobody(
    office: CorrespondenceOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.create_invoice()
    order_letter(office, build_warning_order("I1"))
    desk = office.letter_outbox()
    run_during_compose(desk, monkeypatch, lambda: withdraw_letter(office))
    assert office.send_all(desk) == 0
    assert (office.letters()[0].state, take_outcomes(office)) == ("void", [])


def test_a_letter_in_hand_is_not_taken_back_any_more_but_goes_no_second_time(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    order_letter(office, build_warning_order("I1"))
    desk = office.letter_outbox(backoff=AT_ONCE)
    ((letter),) = desk.begin_transmission(desk.claim_due_letters(NOON, 100), NOON)
    assert letter is not None
    withdraw_letter(office)
    assert office.letters()[0].state == "transmitting"
    desk.record_outcomes([(letter.message, DeliveryResult(DeliveryOutcome.DEFERRED, 451, "Later"))], NOON)
    assert office.send_all(desk) == 0
    assert office.letters()[0].state == "void"


def test_a_letter_that_was_refused_and_then_taken_back_is_nobodys_task_and_not_sent_again(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    letter = order_letter(office, build_warning_order("I1"))
    office.send_all(office.letter_outbox(), delivery=REFUSED)
    withdraw_letter(office)
    assert office.tasks() == [("refused_letter", "dropped")]
    with pytest.raises(LetterNotDecidableError, match="taken it back"):
        LetterDecisionStore(office.database).decide(letter, LetterDecision.RESEND, "mia", "", NOON)


# --- who reads of it


def test_lists_show_which_case_asked_for_a_letter_and_which_template_it_is(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    order_letter(office, build_warning_order("I1"))
    office.send_all(office.letter_outbox())
    ((letter,), _) = list_letters(office.database, 10, invoice="I1")
    assert (letter.case_id, letter.letter, letter.state) == (SUSPENSION, "suspension_warning", "sent")


def test_a_letter_in_two_currencies_keeps_each_invoice_in_its_own(office: CorrespondenceOffice) -> None:
    office.create_invoice("I1")
    office.create_invoice("I2", currency="GBP")
    order_letter(office, build_warning_order("I1", "I2"))
    office.send_all(office.letter_outbox())
    ((letter,), _) = list_letters(office.database, 10)
    assert [(line.invoice_id, line.currency) for line in letter.lines] == [("I1", "EUR"), ("I2", "GBP")]
