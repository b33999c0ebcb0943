from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.correspondence.contact_slots import GROUPING_WAIT, find_first_slot
from domain.policy.collection_policy import ContactHours

HOURS = ContactHours(opens=time(9), closes=time(17))
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
HOLIDAYS = {date(2013, 3, 29), date(2013, 4, 1), date(2013, 5, 1)}
ZONES = st.sampled_from(
    [BERLIN, NEW_YORK, ZoneInfo("Asia/Tokyo"), ZoneInfo("Pacific/Auckland"), ZoneInfo("Pacific/Honolulu"), ZoneInfo("Asia/Kathmandu")]
)


def business_day(day: date) -> bool:
    return day.weekday() < 5 and day not in HOLIDAYS


def local(slot: datetime, zone: ZoneInfo = BERLIN) -> str:
    return slot.astimezone(zone).strftime("%m-%d %H:%M")


def in_berlin(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2013, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "not_before", "slot"),
    [
        (in_berlin(3, 5, 1), date(2013, 3, 5), "03-05 09:00"),
        (in_berlin(3, 5, 9), date(2013, 3, 5), "03-05 09:00"),
        (in_berlin(3, 5, 11, 30), date(2013, 3, 5), "03-05 11:45"),
        (in_berlin(3, 5, 16, 45), date(2013, 3, 5), "03-05 17:00"),
        (in_berlin(3, 5, 16, 46), date(2013, 3, 5), "03-06 09:00"),
        (in_berlin(3, 5, 23, 50), date(2013, 3, 5), "03-06 09:00"),
        (in_berlin(3, 8, 18), date(2013, 3, 8), "03-11 09:00"),
        (in_berlin(3, 9, 10), date(2013, 3, 9), "03-11 09:00"),
        (in_berlin(3, 5, 11), date(2013, 3, 12), "03-12 09:00"),
        (in_berlin(3, 5, 11), date(2013, 3, 9), "03-11 09:00"),
        (in_berlin(3, 5, 11), date(2013, 3, 1), "03-05 11:15"),
        (in_berlin(3, 28, 18), date(2013, 3, 28), "04-02 09:00"),
        (None, date(2013, 3, 29), "04-02 09:00"),
        (None, date(2013, 3, 5), "03-05 09:00"),
    ],
)
def test_contact_is_in_the_hours_of_a_business_day(now: datetime | None, not_before: date, slot: str) -> None:
    assert local(find_first_slot(not_before, now, BERLIN, HOURS, business_day)) == slot


def test_the_hours_are_the_customers_own_in_summer_and_winter() -> None:
    slots = [
        find_first_slot(day, None, zone, HOURS, business_day) for day in (date(2013, 3, 5), date(2013, 7, 2)) for zone in (BERLIN, NEW_YORK)
    ]
    assert [slot.hour for slot in slots] == [8, 14, 7, 13]
    assert all(slot.tzinfo is UTC for slot in slots)


def test_midnight_utc_is_still_the_evening_before_in_america() -> None:
    slot = find_first_slot(date(2013, 3, 5), datetime(2013, 3, 5, tzinfo=UTC), NEW_YORK, HOURS, business_day)
    assert local(slot, NEW_YORK) == "03-05 09:00"


@given(st.datetimes(datetime(2013, 1, 1), datetime(2013, 12, 1), timezones=st.just(UTC)), st.integers(-5, 20), ZONES)
def test_a_slot_is_never_past_never_early_always_within_hours_and_nothing_sooner_would_do(
    now: datetime, ahead: int, zone: ZoneInfo
) -> None:
    today = now.astimezone(zone).date()
    not_before = today + timedelta(days=ahead)
    slot = find_first_slot(not_before, now, zone, HOURS, business_day).astimezone(zone)
    assert slot >= now.astimezone(zone)
    assert slot.date() >= not_before
    assert business_day(slot.date())
    assert HOURS.opens <= slot.time() <= HOURS.closes
    first_day = max(today, not_before)
    passed_over = [first_day + timedelta(days=n) for n in range((slot.date() - first_day).days)]
    too_late_today = (now.astimezone(zone) + GROUPING_WAIT).time() > HOURS.closes or (now.astimezone(zone) + GROUPING_WAIT).date() > today
    assert all(not business_day(day) or (day == today and too_late_today) for day in passed_over)


@given(st.dates(date(2013, 1, 1), date(2013, 12, 1)), ZONES)
def test_where_hours_are_noise_the_slot_is_the_opening_of_the_first_business_day(not_before: date, zone: ZoneInfo) -> None:
    slot = find_first_slot(not_before, None, zone, HOURS, business_day).astimezone(zone)
    naive = next(day for day in (not_before + timedelta(days=n) for n in range(10)) if business_day(day))
    assert (slot.date(), slot.time()) == (naive, HOURS.opens)
