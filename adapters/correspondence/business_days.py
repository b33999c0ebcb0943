"""Business days by country, from the public holidays that the `holidays` library knows."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from threading import Lock

import holidays

_ANY_COUNTRY = "DE"


@lru_cache(maxsize=256)
def get_business_day_check(country: str) -> Callable[[date], bool]:
    """Tells whether a date is a business day in a country (ISO 3166-1 alpha-2).

    A country that the library does not know has weekends (Saturday, Sunday) only.
    """
    try:
        calendar = holidays.country_holidays(country)
    except NotImplementedError:
        return lambda day: day.weekday() < 5
    one_at_a_time = Lock()

    def is_business_day(day: date) -> bool:
        with one_at_a_time:  # the calendar fills itself a year at a time, when it is first asked
            return calendar.is_working_day(day)

    return is_business_day


def load_holidays() -> None:
    """Load the holidays of all countries, a few hundred modules. Otherwise the first contact does, in the middle of a transaction."""
    holidays.country_holidays(_ANY_COUNTRY)


def find_first_business_day(country: str, day: date) -> date:
    """The day itself, or the next business day after it."""
    is_business_day = get_business_day_check(country)
    while not is_business_day(day):
        day += timedelta(days=1)
    return day
