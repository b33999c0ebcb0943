"""Contact slots: the times at which a customer may be contacted. Computed in activities only: public holidays come from a library."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.policy.collection_policy import ContactHours

GROUPING_WAIT = timedelta(minutes=15)
"""The time for which a request made within contact hours waits for others of its account, so that one letter carries them all."""

IsBusinessDay = Callable[[date], bool]


def is_contact_allowed(now: datetime, zone: ZoneInfo, hours: ContactHours, is_business_day: IsBusinessDay) -> bool:
    """Return true when a customer may be contacted at this moment: on a business day, within the hours of its own time zone."""
    local = now.astimezone(zone)
    return is_business_day(local.date()) and hours.opens <= local.time() <= hours.closes


def find_first_slot(
    not_before: date, now: datetime | None, zone: ZoneInfo, hours: ContactHours, is_business_day: IsBusinessDay
) -> datetime:
    """Return the first moment (UTC) to contact a customer: on a business day of its country, within the hours, in its own time zone.

    `not_before` is the customer's date from which contact is wanted. `now` is None where the hour of the day is noise.
    """
    day = not_before
    if now is not None:
        local = now.astimezone(zone)
        wait = local + GROUPING_WAIT
        if local.date() == wait.date() and local.date() >= not_before and is_business_day(local.date()):
            if local.time() <= hours.opens:
                return datetime.combine(local.date(), hours.opens, zone).astimezone(UTC)
            if wait.time() <= hours.closes:
                return wait.astimezone(UTC)
        day = max(not_before, local.date() + timedelta(days=1) if local.time() > hours.opens else local.date())
    while not is_business_day(day):
        day += timedelta(days=1)
    return datetime.combine(day, hours.opens, zone).astimezone(UTC)
