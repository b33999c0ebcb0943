from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.clock import NOISE_LIMIT_SECONDS, REAL_DAY_SECONDS, Clock, start_of_day

REAL = datetime(2026, 1, 1, tzinfo=UTC)
BUSINESS = datetime(2013, 3, 1, tzinfo=UTC)

moments = st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))
clocks = st.builds(Clock, real_anchor=moments, business_anchor=moments, day_seconds=st.sampled_from([0.5, 2, 7.3, 240, 3600, 86400]))


@given(moments)
def test_in_real_life_business_time_is_real_time(now: datetime) -> None:
    clock = Clock.real_time()
    assert (clock.to_business(now), clock.to_real(now)) == (now, now)


def test_played_at_two_seconds_a_day_a_quarter_passes_in_three_minutes() -> None:
    clock = Clock(real_anchor=REAL, business_anchor=BUSINESS, day_seconds=2)
    assert clock.to_business(REAL + timedelta(seconds=180)) == BUSINESS + timedelta(days=90)
    assert clock.to_real(BUSINESS + timedelta(days=1)) == REAL + timedelta(seconds=2)


@given(clocks, st.timedeltas(timedelta(0), timedelta(days=3650)))
def test_real_and_business_are_inverse(clock: Clock, passed: timedelta) -> None:
    business = clock.business_anchor + passed
    tolerance = timedelta(microseconds=2) * (REAL_DAY_SECONDS / clock.day_seconds)
    assert abs(clock.to_business(clock.to_real(business)) - business) <= tolerance


@given(clocks, st.timedeltas(timedelta(0), timedelta(hours=5)), st.timedeltas(timedelta(0), timedelta(hours=5)))
def test_business_time_never_runs_backwards(clock: Clock, one: timedelta, other: timedelta) -> None:
    earlier, later = clock.real_anchor + min(one, other), clock.real_anchor + max(one, other)
    assert clock.to_business(earlier) <= clock.to_business(later)


@given(clocks, st.timedeltas(timedelta(0), timedelta(days=3650)), st.timedeltas(timedelta(days=-3650), timedelta(days=3)))
def test_after_waiting_the_business_time_has_come(clock: Clock, ahead: timedelta, now_offset: timedelta) -> None:
    until, now = clock.business_anchor + ahead, clock.real_anchor + now_offset
    wait = clock.real_time_until(until, now)
    assert wait > timedelta(0)
    assert clock.to_business(now + wait) >= until


def test_the_wait_is_no_longer_than_the_time_left() -> None:
    clock = Clock(real_anchor=REAL, business_anchor=BUSINESS, day_seconds=2)
    assert clock.real_time_until(BUSINESS + timedelta(days=5), REAL) == pytest.approx(timedelta(seconds=10), abs=timedelta(milliseconds=2))
    assert clock.real_time_until(BUSINESS - timedelta(days=5), REAL) <= timedelta(milliseconds=2)


@pytest.mark.parametrize(
    ("day_seconds", "matter"), [(2, False), (NOISE_LIMIT_SECONDS - 1, False), (NOISE_LIMIT_SECONDS, True), (86_400, True)]
)
def test_the_hour_of_the_day_matters_unless_a_day_is_shorter_than_the_noise(day_seconds: float, matter: bool) -> None:
    assert Clock(real_anchor=REAL, business_anchor=BUSINESS, day_seconds=day_seconds).hours_matter is matter


@pytest.mark.parametrize("bad", [{"day_seconds": 0}, {"day_seconds": -1}, {"day_seconds": 86_401}, {"real_anchor": datetime(2026, 1, 1)}])
def test_a_clock_that_stands_still_lags_or_has_no_zone_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Clock.model_validate({"real_anchor": REAL, "business_anchor": BUSINESS} | bad)


def test_a_business_date_begins_at_midnight_utc() -> None:
    assert start_of_day(date(2013, 3, 1)) == BUSINESS
