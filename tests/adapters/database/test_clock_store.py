"""The kept clock: a played one stands still while Duecourse is down, and never goes back."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.database.clock_store import HEARTBEAT, ClockConflictError, load_clock, record_clock_progress, start_clock, store_last_seen
from adapters.database.engine import Database
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
