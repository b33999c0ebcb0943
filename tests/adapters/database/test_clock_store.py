"""The kept clock: a played one stands still while Duecourse is down, and never goes back."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.database.clock_store import (
    HEARTBEAT,
    ClockChange,
    ClockConflictError,
    RealClockError,
    apply_clock_change,
    is_clock_change_pending,
    load_clock,
    record_clock_progress,
    request_clock_change,
    start_clock,
    store_last_seen,
)
from adapters.database.engine import Database
from adapters.database.live_clock import LiveClock
from adapters.database.row_states import ClockChannel
from adapters.database.tables import Setting
from domain.clock import Clock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MARCH = date(2013, 3, 1)


def test_without_options_business_time_is_real_time(database: Database) -> None:
    clock = start_clock(database, NOON)

    assert clock.to_business(NOON) == NOON
    assert load_clock(database) == clock == Clock.real_time()


def test_a_played_clock_begins_at_the_day_asked_for(database: Database) -> None:
    clock = start_clock(database, NOON, MARCH, day_seconds=2)

    assert clock.to_business(NOON) == datetime(2013, 3, 1, tzinfo=UTC)
    assert clock.to_business(NOON + timedelta(seconds=20)) == datetime(2013, 3, 11, tzinfo=UTC)


def test_a_played_clock_stands_still_while_duecourse_is_down(database: Database) -> None:
    start_clock(database, NOON, MARCH, day_seconds=2)
    store_last_seen(database, NOON + timedelta(seconds=20))

    resumed = start_clock(database, NOON + timedelta(hours=5))

    assert resumed.to_business(NOON + timedelta(hours=5)) == datetime(2013, 3, 11, tzinfo=UTC)
    assert load_clock(database) == resumed


def test_a_clock_at_lifes_own_speed_goes_on_while_duecourse_is_down(database: Database) -> None:
    first = start_clock(database, NOON, MARCH)
    store_last_seen(database, NOON + timedelta(seconds=20))

    assert start_clock(database, NOON + timedelta(days=3)) == first


async def test_a_killed_process_has_noted_a_beat_ahead_so_that_business_time_never_goes_back(database: Database) -> None:
    begin = datetime.now(UTC)
    clock = start_clock(database, begin, MARCH, day_seconds=2)
    noting = asyncio.create_task(record_clock_progress(database, clock, asyncio.Event()))
    while last_seen(database) <= begin:  # noqa: ASYNC110 what another process would see
        await asyncio.sleep(0.005)
    noting.cancel()

    later = begin + timedelta(hours=1)
    resumed = start_clock(database, later)

    assert resumed.to_business(later) >= clock.to_business(begin + HEARTBEAT)


def last_seen(database: Database) -> datetime:
    with database.reading() as session:
        row = session.get(Setting, "business_clock")
        assert row is not None
        return datetime.fromisoformat(row.value["last_seen"])


async def test_a_clean_stop_notes_the_moment_itself(database: Database) -> None:
    now = datetime.now(UTC)
    clock = start_clock(database, now, MARCH, day_seconds=2)
    stop = asyncio.Event()
    stop.set()

    await record_clock_progress(database, clock, stop)

    assert now < last_seen(database) <= datetime.now(UTC)


def test_the_same_options_again_go_on(database: Database) -> None:
    start_clock(database, NOON, MARCH, day_seconds=2)

    assert start_clock(database, NOON, MARCH, day_seconds=2).day_seconds == 2


@pytest.mark.parametrize(
    ("as_of", "day_seconds", "named"),
    [(date(2014, 1, 1), None, "--as-of 2014-01-01"), (None, 5.0, "--day-seconds 5"), (MARCH, 3.0, "--day-seconds 3")],
)
def test_options_that_contradict_the_kept_clock_are_refused(
    database: Database, as_of: date | None, day_seconds: float | None, named: str
) -> None:
    kept = start_clock(database, NOON, MARCH, day_seconds=2)

    with pytest.raises(ClockConflictError, match="--data-dir") as refusal:
        start_clock(database, NOON, as_of, day_seconds)

    assert named in str(refusal.value)
    assert load_clock(database) == kept


def test_a_real_life_folder_refuses_to_be_played(database: Database) -> None:
    start_clock(database, NOON)

    with pytest.raises(ClockConflictError, match="--as-of 2013-03-01"):
        start_clock(database, NOON, MARCH)


def test_a_paused_clock_stands_still_and_goes_on_from_there(database: Database) -> None:
    start_clock(database, NOON, MARCH, day_seconds=2)

    paused = change(database, NOON + timedelta(seconds=20), paused=True)
    later = NOON + timedelta(hours=5)
    resumed = change(database, later, paused=False)

    assert paused.to_business(NOON + timedelta(hours=1)) == datetime(2013, 3, 11, tzinfo=UTC)
    assert paused.to_real(datetime(2013, 3, 12, tzinfo=UTC)) > NOON + timedelta(days=365)
    assert resumed.to_business(later + timedelta(seconds=2)) == datetime(2013, 3, 12, tzinfo=UTC)
    assert load_clock(database) == resumed


def test_a_slowed_clock_goes_on_at_its_new_speed_also_after_a_restart_with_the_options_of_the_first(database: Database) -> None:
    start_clock(database, NOON, MARCH, day_seconds=2)
    at = NOON + timedelta(seconds=20)

    slowed = change(database, at, day_seconds=60)

    assert slowed.to_business(at + timedelta(seconds=60)) == datetime(2013, 3, 12, tzinfo=UTC)
    assert start_clock(database, at, MARCH, day_seconds=2).day_seconds == 60


def test_a_paused_clock_is_still_paused_after_a_restart(database: Database) -> None:
    start_clock(database, NOON, MARCH, day_seconds=2)
    paused = change(database, NOON + timedelta(seconds=20), paused=True)

    again = start_clock(database, NOON + timedelta(days=1))

    assert again.paused
    assert again.to_business(NOON + timedelta(days=2)) == paused.business_anchor


def test_changed_while_duecourse_is_down_it_goes_on_from_where_it_stopped(database: Database) -> None:
    start_clock(database, NOON, MARCH, day_seconds=2)
    store_last_seen(database, NOON + timedelta(seconds=20))

    slowed = change(database, NOON + timedelta(hours=5), day_seconds=60)

    assert slowed.to_business(NOON + timedelta(hours=5)) == datetime(2013, 3, 11, tzinfo=UTC)


def test_two_changes_that_wait_are_both_made_and_made_once(database: Database) -> None:
    start_clock(database, NOON, MARCH, day_seconds=2)
    store_last_seen(database, NOON + timedelta(seconds=1))
    request_clock_change(database, ClockChange(paused=True), "mara", ClockChannel.API)
    request_clock_change(database, ClockChange(day_seconds=60), "mara", ClockChannel.API)

    changed = apply_clock_change(database, NOON)

    assert changed is not None
    assert (changed.paused, changed.day_seconds, changed.set_by) == (True, 60, "mara")
    assert start_clock(database, NOON).set_by == "", "who starts Duecourse again sets no clock"
    assert apply_clock_change(database, NOON) is None
    assert not is_clock_change_pending(database)


@pytest.mark.parametrize("as_of", [None, MARCH])
def test_the_real_clock_is_left_alone(database: Database, as_of: date | None) -> None:
    before = start_clock(database, NOON, as_of)

    with pytest.raises(RealClockError, match="nobody can pause or slow"):
        request_clock_change(database, ClockChange(paused=True), "mara", ClockChannel.API)

    assert load_clock(database) == before


def test_what_shares_a_live_clock_sees_its_changes() -> None:
    clock = Clock(real_anchor=NOON, business_anchor=NOON, day_seconds=2)
    live = LiveClock.from_clock(clock)
    paused = clock.set_going(NOON + timedelta(seconds=2), paused=True)

    live.take_over(paused)

    assert (live.paused, live.is_played) == (True, True)
    assert live.to_business(NOON + timedelta(seconds=60)) == NOON + timedelta(days=1)
    assert Clock.model_validate_json(live.model_dump_json()) == paused == live.get_current()


def change(database: Database, at: datetime, *, paused: bool | None = None, day_seconds: float | None = None) -> Clock:
    """The clock after a change at that moment of real time. Duecourse has run until then, unless it stopped before."""
    if last_seen(database) == NOON:
        store_last_seen(database, at)
    request_clock_change(database, ClockChange(paused=paused, day_seconds=day_seconds), "mara", ClockChannel.API)
    changed = apply_clock_change(database, at)
    assert changed is not None
    return changed
