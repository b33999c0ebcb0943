"""A connected system that was not read for hours: nothing goes by its old balances, and everything does once it was read again."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from adapters.correspondence.reading_gaps import LEAST_WAIT, USUAL_WAIT, keep_wait, load_reading_gaps
from adapters.database.clock_store import store_clock
from adapters.database.engine import Database
from adapters.database.tables import BillingCursorRow, ContactRequest
from adapters.read_model.letter_brakes import find_account_brake
from domain.clock import Clock
from tests.adapters.correspondence.correspondence_setup import HOUR, NOON, SENT, TODAY, CorrespondenceSetup

CONNECTED, MINUTE = "@erp:1:17", timedelta(minutes=1)


def read_last(database: Database, ago: timedelta | None, system: str = "erp") -> None:
    """When a system was read to the end last; None: it never was."""
    with database.writing() as session:
        at = None if ago is None else datetime.now(UTC) - ago
        session.merge(BillingCursorRow(system=system, company="1", caught_up_at=at))


def ask_for_letters(correspondence: CorrespondenceSetup) -> None:
    for account, invoice in (("A1", "I1"), (CONNECTED, "@erp:1:4711")):
        correspondence.create_account(account) if account != "A1" else None
        correspondence.create_billed_invoice(invoice, account)


def list_written_to(correspondence: CorrespondenceSetup, now: datetime = NOON) -> list[str]:
    """The accounts whose letters go now."""
    outbox = correspondence.letter_outbox()
    letters = outbox.claim_due_letters(now, 100)
    begun = [each for each in outbox.begin_transmission(letters, now) if each is not None]
    outbox.record_outcomes([(each.message, SENT) for each in begun], now)
    return sorted(each.recipient for each in begun)


@pytest.mark.parametrize("ago", [None, USUAL_WAIT + MINUTE, timedelta(days=2)], ids=["never", "hours", "days"])
def test_letters_of_a_system_that_was_not_read_wait_and_go_once_it_was(correspondence: CorrespondenceSetup, ago: timedelta | None) -> None:
    ask_for_letters(correspondence)
    read_last(correspondence.database, ago)
    assert list_written_to(correspondence) == ["a1@customer.test"], "nobody else waits for it"
    assert list_written_to(correspondence, NOON + HOUR) == []
    read_last(correspondence.database, MINUTE)
    assert list_written_to(correspondence, NOON + 2 * HOUR) == ["erp-1-17@customer.test"]


def test_a_letter_that_was_chosen_before_does_not_go_either(correspondence: CorrespondenceSetup) -> None:
    ask_for_letters(correspondence)
    read_last(correspondence.database, MINUTE)
    outbox = correspondence.letter_outbox()
    letters = outbox.claim_due_letters(NOON, 100)
    read_last(correspondence.database, timedelta(hours=5))
    assert sorted(each.recipient for each in outbox.begin_transmission(letters, NOON) if each) == ["a1@customer.test"]
    read_last(correspondence.database, MINUTE)
    assert list_written_to(correspondence, NOON + HOUR) == ["erp-1-17@customer.test"]


def test_an_outage_of_some_hours_holds_nothing_up(correspondence: CorrespondenceSetup) -> None:
    ask_for_letters(correspondence)
    read_last(correspondence.database, USUAL_WAIT - MINUTE)
    assert len(list_written_to(correspondence)) == 2


def test_of_two_systems_only_the_one_that_was_not_read_waits(correspondence: CorrespondenceSetup) -> None:
    ask_for_letters(correspondence)
    read_last(correspondence.database, timedelta(days=1), "erp2")
    read_last(correspondence.database, MINUTE)
    assert len(list_written_to(correspondence)) == 2


def test_the_reason_of_an_account_names_the_system_and_the_day(correspondence: CorrespondenceSetup) -> None:
    ask_for_letters(correspondence)
    today = datetime.now(UTC).date()
    assert find_account_brake(correspondence.database, CONNECTED, today) is None
    read_last(correspondence.database, timedelta(days=2))
    brake = find_account_brake(correspondence.database, CONNECTED, today)
    assert brake is not None
    assert (brake.unread_system, brake.since, brake.awaits_release) == ("erp", today - timedelta(days=2), False)
    assert find_account_brake(correspondence.database, "A1", today) is None


@pytest.mark.parametrize(("hours", "ago", "waits"), [(8, 5, False), (8, 9, True), (1, 2, True)])
def test_the_hours_are_set_by_the_company(correspondence: CorrespondenceSetup, hours: int, ago: int, waits: bool) -> None:
    keep_wait(correspondence.database, hours)
    read_last(correspondence.database, ago * HOUR)
    with correspondence.database.reading() as session:
        assert bool(load_reading_gaps(session)) is waits


def test_the_hours_are_counted_by_the_clock_in_use_and_are_never_shorter_than_some_readings(correspondence: CorrespondenceSetup) -> None:
    """A clock of which a day lasts two hours has four of its hours in twenty minutes."""
    database, now = correspondence.database, datetime.now(UTC)

    def waits(day_seconds: float, ago: timedelta) -> bool:
        store_clock(database, Clock(real_anchor=now, business_anchor=NOON, day_seconds=day_seconds), now)
        read_last(database, ago)
        with database.reading() as session:
            return bool(load_reading_gaps(session))

    assert [waits(7_200, minutes * MINUTE) for minutes in (19, 21)] == [False, True]
    assert [waits(1, ago) for ago in (LEAST_WAIT - MINUTE, LEAST_WAIT + MINUTE)] == [False, True]


def test_no_request_is_lost_or_counted_meanwhile(correspondence: CorrespondenceSetup) -> None:
    ask_for_letters(correspondence)
    read_last(correspondence.database, None)
    list_written_to(correspondence)
    with correspondence.database.reading() as session:
        (waiting,) = session.scalars(select(ContactRequest).where(col(ContactRequest.account_id) == CONNECTED)).all()
        assert (waiting.state, waiting.attempt, waiting.slot <= NOON) == ("pending", 1, True)
    assert NOON.date() == TODAY
