"""The collection clock against a brute force that walks hour by hour and asks of each whether any hold stood."""

from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.timeline.collection_clock import find_time_of_clock_day, read_collection_clock
from domain.timeline.holds import Hold, HoldKind, Holds
from tests.domain.builders import DAY, DUE, HOUR, midnight


class Stretch(NamedTuple):
    """A hold from one hour to another, counted from ten days before the due date; the longest ones still stand."""

    start: int
    end: int


LAST_HOUR = 60 * 24
BEGIN = midnight(-10)

stretches = st.lists(
    st.tuples(st.integers(0, LAST_HOUR), st.integers(1, 20 * 24)).map(lambda pair: Stretch(pair[0], pair[0] + pair[1])), max_size=6
)


def holds_at(stretches: list[Stretch], now: datetime) -> Holds:
    """The holds as they were placed and lifted, in order of time, up to now."""
    holds = Holds()
    acts = [(stretch.start, 1, str(number)) for number, stretch in enumerate(stretches)]
    acts += [(stretch.end, 0, str(number)) for number, stretch in enumerate(stretches)]
    for hour, placed, hold_id in sorted(acts):
        moment = BEGIN + hour * HOUR
        if moment > now:
            break
        if placed:
            holds.place(Hold(hold_id=hold_id, kind=HoldKind.PAUSE, since=moment))
        else:
            holds.lift(hold_id, moment)
    return holds


def collectable_hours(stretches: list[Stretch], now: datetime) -> int:
    hours = 0
    moment = midnight()
    while moment < now:
        hour = (moment - BEGIN) // HOUR
        hours += not any(stretch.start <= hour < stretch.end for stretch in stretches)
        moment += HOUR
    return hours


@given(stretches, st.integers(10 * 24, LAST_HOUR))
def test_the_reading_is_the_time_past_due_and_not_on_hold(stretches: list[Stretch], hour: int) -> None:
    now = BEGIN + hour * HOUR
    assert read_collection_clock(DUE, holds_at(stretches, now), now) == collectable_hours(stretches, now) * HOUR


@given(stretches, st.integers(0, 10 * 24))
def test_before_the_due_date_the_clock_is_the_calendars_whatever_is_held(stretches: list[Stretch], hour: int) -> None:
    now = BEGIN + hour * HOUR
    assert read_collection_clock(DUE, holds_at(stretches, now), now) == now - midnight()


@given(stretches, st.integers(0, LAST_HOUR - 1), st.integers(1, 100))
def test_the_clock_never_runs_backwards_and_stands_while_a_hold_stands(stretches: list[Stretch], hour: int, later: int) -> None:
    one, other = BEGIN + hour * HOUR, BEGIN + (hour + later) * HOUR
    before, after = read_collection_clock(DUE, holds_at(stretches, one), one), read_collection_clock(DUE, holds_at(stretches, other), other)
    assert before <= after <= before + (other - one)
    held_throughout = any(stretch.start <= hour and hour + later <= stretch.end for stretch in stretches)
    if held_throughout and one >= midnight():
        assert before == after


@given(stretches, st.integers(-20, 40))
def test_reaches_is_the_first_moment_at_which_the_clock_reads_so_much(stretches: list[Stretch], days: int) -> None:
    after_all = BEGIN + (LAST_HOUR + 20 * 24 + 1) * HOUR
    holds = holds_at(stretches, after_all)
    moment = find_time_of_clock_day(DUE, holds, days)
    assert read_collection_clock(DUE, holds, moment) == days * DAY
    assert read_collection_clock(DUE, holds, moment - HOUR) < days * DAY


@given(stretches, st.integers(-20, 40), st.integers(0, LAST_HOUR))
def test_a_step_is_due_when_asked_exactly_if_the_clock_has_got_there(stretches: list[Stretch], days: int, hour: int) -> None:
    now = BEGIN + hour * HOUR
    holds = holds_at(stretches, now)
    if not holds.is_on_hold:
        assert (find_time_of_clock_day(DUE, holds, days) <= now) == (read_collection_clock(DUE, holds, now) >= days * DAY)


def test_a_hold_over_the_due_date_counts_from_the_due_date_only() -> None:
    holds = holds_at([Stretch(0, 12 * 24)], midnight(5))
    assert read_collection_clock(DUE, holds, midnight(5)) == 3 * DAY
    assert find_time_of_clock_day(DUE, holds, 7) == midnight(9)


def test_a_hold_that_begins_when_the_clock_gets_there_does_not_put_it_off() -> None:
    holds = holds_at([Stretch(17 * 24, 30 * 24)], midnight(40))
    assert find_time_of_clock_day(DUE, holds, 7) == midnight(7)


def test_lifting_a_hold_resumes_where_the_clock_stopped() -> None:
    holds = Holds()
    holds.place(Hold(hold_id="x", kind=HoldKind.DISPUTE, since=midnight(4)))
    assert read_collection_clock(DUE, holds, midnight(100)) == 4 * DAY
    holds.lift("x", midnight(100))
    assert read_collection_clock(DUE, holds, midnight(100) + timedelta(hours=6)) == 4 * DAY + timedelta(hours=6)
