"""Business time, and the one place that converts between it and real time.

In real life a business day lasts 86,400 s and the two differ only by the anchor. Played faster, a quarter passes in
minutes on the real server. Nothing else adds days to `workflow.now()`.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

REAL_DAY_SECONDS = 86_400.0

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
"""The days with which Duecourse counts. Notices, grace and years of retention are added to a day, and there has to be a day then."""
FIRST_MOMENT, LAST_MOMENT = datetime.combine(FIRST_DAY, time(), UTC), datetime.combine(LAST_DAY, time.max, UTC)
DAY_WANTED = f"write a date such as 2013-03-01, from {FIRST_DAY} to {LAST_DAY}"


NOISE_LIMIT_SECONDS = 240.0
"""Timers resolve to about a second: in a business day shorter than this, that is more than six minutes."""


LONGEST_PAUSE = timedelta(days=3_650)
"""For so long a case waits, if nobody tells it that the clock goes on."""


_DAY_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_iso_day(text: str) -> date:
    """Return the day that a text such as 2013-03-01 names. Raises ValueError, with what to write instead."""
    if not _DAY_PATTERN.fullmatch(text):
        raise ValueError(DAY_WANTED)
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"there is no such day; {DAY_WANTED}") from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(DAY_WANTED)
    return day


class Clock(BaseModel):
    """A straight line through (real time, business time), both in UTC."""

    model_config = ConfigDict(frozen=True)

    real_anchor: AwareDatetime
    business_anchor: AwareDatetime
    day_seconds: float = Field(default=REAL_DAY_SECONDS, gt=0, le=REAL_DAY_SECONDS)
    paused: bool = False
    """It stands still at the business anchor, whatever the real time, until another clock is set."""
    set_by: str = ""
    """Who paused, slowed or resumed it so; empty where nobody did, as when it goes on after a stop."""

    @classmethod
    def real_time(cls) -> "Clock":
        """Business time is real time."""
        epoch = datetime(2000, 1, 1, tzinfo=UTC)
        return cls(real_anchor=epoch, business_anchor=epoch)

    def to_business(self, real: datetime) -> datetime:
        """The business time at a moment of real time; it ends with the last day."""
        if self.paused:
            return self.business_anchor
        try:
            business = self.business_anchor + (real - self.real_anchor) * (REAL_DAY_SECONDS / self.day_seconds)
        except OverflowError:
            return LAST_MOMENT if real > self.real_anchor else FIRST_MOMENT
        return min(business, LAST_MOMENT)

    def is_countable_at(self, real: datetime) -> bool:
        """Return whether the clock shows one of the days with which Duecourse counts at a moment of real time."""
        return FIRST_MOMENT < self.to_business(real) < LAST_MOMENT

    def to_real(self, business: datetime) -> datetime:
        """The real time at which a business time is reached; while the clock is paused, a time beyond any pause."""
        if self.paused:
            return self.real_anchor if business <= self.business_anchor else self.real_anchor + LONGEST_PAUSE
        return self.real_anchor + (business - self.business_anchor) * (self.day_seconds / REAL_DAY_SECONDS)

    def real_time_until(self, until: datetime, now: datetime) -> timedelta:
        """How long to wait in real time until a business time has passed; a millisecond at least, for timers round. `now` is real."""
        return max(self.to_real(until) - now, timedelta(0)) + timedelta(milliseconds=1)

    @property
    def is_played(self) -> bool:
        """Return true for a clock that runs faster than real time; only such a one can be paused or slowed."""
        return self.day_seconds < REAL_DAY_SECONDS

    def set_going(self, at: datetime, *, paused: bool, day_seconds: float | None = None) -> "Clock":
        """Return the clock that goes on from the business time which this one shows at a moment of real time."""
        return Clock(real_anchor=at, business_anchor=self.to_business(at), day_seconds=day_seconds or self.day_seconds, paused=paused)

    @property
    def hours_matter(self) -> bool:
        """Played faster than some 240 s a business day, the hour at which something is asked for is noise: a letter then goes at the next
        opening of its customer's contact hours."""
        return self.day_seconds >= NOISE_LIMIT_SECONDS


def start_of_day(day: date) -> datetime:
    """Midnight UTC at which a business date begins. Where on Earth a customer is matters only to contact slots."""
    return datetime.combine(day, time(), UTC)


class Moment(NamedTuple):
    """Now, on both clocks (UTC)."""

    business: datetime
    real: datetime
