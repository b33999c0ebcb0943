"""Which invoices a letter takes along, and that an account gets no two letters in one currency on a day. It is Tuesday noon."""

from datetime import date

import pytest
from sqlalchemy import update
from sqlmodel import col

from adapters.database.row_states import ContactRequestState, MessageState
from adapters.database.tables import Account, Case, Invoice, Message, PolicyVersion
from domain import identifiers as ids
from domain.correspondence.letter_outcome import DropReason
from domain.policy.collection_policy import PolicySnapshot
from tests.adapters.correspondence.correspondence_setup import DAY, HOUR, NOON, POLICY, TODAY, CorrespondenceSetup

TOMORROW_AT_NINE = NOON.replace(hour=9) + DAY


@pytest.mark.parametrize(
    ("first", "first_due", "second", "second_due"),
    [
        ("courtesy_note", TODAY + 3 * DAY, "reminder", TODAY - DAY),
        ("reminder", TODAY - DAY, "final_demand", TODAY - 30 * DAY),
        ("courtesy_note", TODAY + 3 * DAY, "courtesy_note", TODAY + 2 * DAY),
    ],
)
def test_what_is_asked_for_after_the_days_letter_went_goes_on_another_day(
    correspondence: CorrespondenceSetup, first: str, first_due: date, second: str, second_due: date
) -> None:
    """A courtesy note puts no reminder off and a step apart is put off by none; and yet a day has one letter."""
    outbox = correspondence.letter_outbox()
    correspondence.create_billed_invoice("I1", name=first, due=first_due)
    assert correspondence.send_all(outbox) == 1
    correspondence.create_invoice("I2", due=second_due)
    correspondence.create_contact_request("I2", name=second, slot=NOON + HOUR, days_between_letters=1, apart=second == "final_demand")
    assert correspondence.send_all(outbox, NOON + 2 * HOUR) == 0
    assert (correspondence.requests()["I2"].state, correspondence.requests()["I2"].slot) == ("pending", TOMORROW_AT_NINE)
    assert correspondence.send_all(outbox, NOON + DAY) == 1


@pytest.mark.parametrize(
    ("days_ago", "other", "goes_in"),
    [
        ((), None, 0),
        ((3,), None, 0),
        ((14, 3), None, 0),
        ((12, 3), None, 2),
        ((11, 7), None, 3),
        ((13, 6), None, 1),
        ((10, 7), "reminder", 0),
        ((8, 6), "reminder", 1),
    ],
)
def test_a_step_apart_does_not_wait_for_the_rhythm_but_is_never_the_third_letter_within_twice_its_days(
    correspondence: CorrespondenceSetup, days_ago: tuple[int, ...], other: str | None, goes_in: int
) -> None:
    """With a step that is not apart, it goes as soon as either may."""
    for number, days in enumerate(days_ago):
        sent_at = NOON - days * DAY
        letter = Message(key=f"k{number}", account_id="A1", language="en", currency="EUR", message_id=f"<{number}@x>", slot=sent_at)
        letter.state, letter.sent_at, letter.asked_for, letter.letter = MessageState.SENT, sent_at, 100, "reminder"
        with correspondence.database.writing() as session:
            session.add(letter)
    for invoice, step in (("I1", "final_demand"), ("I2", other)):
        if step:
            correspondence.create_invoice(invoice, due=TODAY - 30 * DAY)
            correspondence.create_contact_request(invoice, name=step, days_between_letters=7, apart=step == "final_demand")
    assert correspondence.send_all(correspondence.letter_outbox()) == (goes_in == 0)
    if goes_in:
        assert {request.slot.date() for request in correspondence.requests().values()} == {TODAY + goes_in * DAY}


@pytest.mark.parametrize(
    "change", [{"language": "de"}, {"time_zone": "Pacific/Honolulu"}, {"country": "DE"}], ids=lambda each: next(iter(each))
)
def test_a_change_of_language_or_place_midway_keeps_the_distance_between_letters(
    correspondence: CorrespondenceSetup, change: dict[str, str]
) -> None:
    outbox = correspondence.letter_outbox()
    correspondence.create_billed_invoice("I1")
    assert correspondence.send_all(outbox) == 1
    correspondence.change(Account, "A1", **change)
    correspondence.create_invoice("I2")
    correspondence.create_contact_request("I2", slot=NOON + HOUR, days_between_letters=2)

    assert [correspondence.send_all(outbox, NOON + hours * HOUR) for hours in (2, 8, 24, 32)] == [0, 0, 0, 0]
    assert correspondence.requests()["I2"].slot.date() >= TODAY + 2 * DAY
    assert sum(correspondence.send_all(outbox, NOON + hours * HOUR) for hours in (48, 56, 72, 80)) == 1


def gather(correspondence: CorrespondenceSetup, days_past_due: int, step: str, next_in: int) -> None:
    """An invoice I1 whose reminder goes now, and I2, so many days past due, whose next step is due in so many days."""
    snapshot = PolicySnapshot.from_policy(POLICY)
    with correspondence.database.writing() as session:
        session.add(
            PolicyVersion(name=snapshot.name, version=snapshot.version, sha256=snapshot.sha256, snapshot=snapshot.text, created_at=NOON)
        )
    correspondence.create_invoice("I1", due=TODAY - DAY)
    correspondence.create_contact_request("I1", gather_days=3)
    correspondence.create_invoice("I2", due=TODAY - days_past_due * DAY)
    correspondence.write_case_row("I2", next_on=TODAY + next_in * DAY)
    with correspondence.database.writing() as session:
        its_case = col(Case.case_id) == ids.invoice_case_id("I2")
        session.execute(update(Case).where(its_case).values(next_step=step, policy_version=snapshot.version, run_id="run-1"))


@pytest.mark.parametrize(
    ("days_past_due", "step", "next_in", "taken"),
    [
        (6, "second_reminder", 1, True),
        (4, "second_reminder", 3, True),
        (9, "second_reminder", 3, True),  # its day has come, but it keeps its distance from the reminder
        (3, "second_reminder", 4, False),
        (18, "firm_reminder", 3, True),
        (13, "phone_call", 1, False),
        (29, "final_demand", 1, False),  # apart
    ],
)
def test_a_letter_takes_along_the_next_letter_of_an_overdue_invoice_that_is_due_within_days(
    correspondence: CorrespondenceSetup, days_past_due: int, step: str, next_in: int, taken: bool
) -> None:
    gather(correspondence, days_past_due, step, next_in)
    assert correspondence.send_all(correspondence.letter_outbox()) == 1
    (letter,) = correspondence.letters()
    assert letter.asked_for == 20_000
    assert correspondence.lines(letter.id) == {"I1": "reminder", "I2": step if taken else ""}


@pytest.mark.parametrize(("days_ago", "taken"), [(1, False), (2, False), (3, True)])
def test_an_invoice_that_a_letter_asked_for_within_the_catch_up_days_is_not_taken_along(
    correspondence: CorrespondenceSetup, days_ago: int, taken: bool
) -> None:
    gather(correspondence, 9, "second_reminder", 3 - days_ago)
    asked_at = NOON - days_ago * DAY
    correspondence.create_contact_request("I2", name="reminder", slot=asked_at, state=ContactRequestState.SENT, ended_at=asked_at)
    assert correspondence.send_all(correspondence.letter_outbox()) == 1
    assert correspondence.lines(correspondence.letters()[0].id) == {"I1": "reminder", "I2": "second_reminder" if taken else ""}


def test_what_fell_below_the_minimum_balance_is_not_taken_along(correspondence: CorrespondenceSetup) -> None:
    gather(correspondence, 6, "second_reminder", 1)
    outbox = correspondence.letter_outbox()
    letters = outbox.claim_due_letters(NOON, 100)
    correspondence.change(Invoice, "I2", open_balance=499, version=2)
    assert outbox.begin_transmission(letters, NOON) != [None]
    assert (correspondence.requests()["I2"].state, correspondence.requests()["I2"].reason) == ("dropped", "below_minimum")


def test_what_is_due_much_later_after_all_is_not_taken_along(correspondence: CorrespondenceSetup) -> None:
    gather(correspondence, 6, "second_reminder", 1)
    outbox = correspondence.letter_outbox()
    letters = outbox.claim_due_letters(NOON, 100)
    correspondence.change(Invoice, "I2", due_date=TODAY + 10 * DAY, version=2)
    assert outbox.begin_transmission(letters, NOON) != [None]
    assert (correspondence.requests()["I2"].state, correspondence.requests()["I2"].reason) == ("dropped", "not_due")
    assert correspondence.lines(letters[0]) == {"I1": "reminder"}


@pytest.mark.parametrize("version", [POLICY.version, POLICY.version + 1])
def test_an_invoice_finds_the_step_taken_that_a_letter_took_along_also_under_a_later_policy(
    correspondence: CorrespondenceSetup, version: int
) -> None:
    gather(correspondence, 6, "second_reminder", 1)
    correspondence.send_all(correspondence.letter_outbox())
    due, tomorrow = TODAY - 6 * DAY, NOON + DAY
    case = correspondence.case("I2", at=tomorrow, due=due)
    case.snapshot = PolicySnapshot.from_policy(POLICY.model_copy(update={"version": version}))
    order = correspondence.take_step(case, "second_reminder", at=tomorrow)
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(case, tomorrow, ask=order)])
    assert answer.contact_on == TODAY
    request = correspondence.requests()["I2"]
    assert (request.state, request.asked, request.policy_version) == ("sent", True, version)
    assert len(correspondence.letters()) == 1
    case.journal.mark_written(case.journal.seq)
    (heard,) = correspondence.casebook.write([correspondence.build_case_write(case, tomorrow, await_letter=True)])
    assert [(outcome.step, outcome.fate, outcome.on, outcome.named_as) for outcome in heard.letters] == [
        ("second_reminder", "sent", TODAY, "gathered")
    ]


def test_a_step_that_was_given_back_is_asked_for_under_a_later_policy_as_its_next_attempt(correspondence: CorrespondenceSetup) -> None:
    due, tomorrow = TODAY - 6 * DAY, NOON + DAY
    case = correspondence.case("I2", at=NOON, due=due)
    order = correspondence.take_step(case, "reminder", at=NOON)
    correspondence.casebook.write([correspondence.build_case_write(case, NOON, ask=order)])
    case.journal.mark_written(case.journal.seq)
    correspondence.casebook.write([correspondence.build_case_write(case, NOON, withdraw=DropReason.ON_HOLD)])
    case.taken.clear()
    case.snapshot = PolicySnapshot.from_policy(POLICY.model_copy(update={"version": POLICY.version + 1}))

    again = correspondence.take_step(case, "reminder", at=tomorrow)
    correspondence.casebook.write([correspondence.build_case_write(case, tomorrow, ask=again)])

    request = correspondence.requests()["I2"]
    assert (request.state, request.attempt, request.policy_version) == ("pending", 2, POLICY.version + 1)
