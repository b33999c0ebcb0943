"""Holds: what stops an invoice's collection clock, from when to when."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class HoldKind(StrEnum):
    DISPUTE = "dispute"
    PROMISE = "promise"
    PAUSE = "pause"
    BELOW_MINIMUM = "below_minimum"
    PAYMENT_PLAN = "payment_plan"
    CREDIT_REVIEW = "credit_review"
    SUSPENSION = "suspension"
    WRITE_OFF = "write_off"


class Hold(BaseModel):
    """One reason not to chase an invoice. Times are business times; `until` is when it lifts by itself."""

    model_config = ConfigDict(frozen=True)

    hold_id: str
    kind: HoldKind
    since: AwareDatetime
    until: AwareDatetime | None = None
    reason: str = ""


class HeldPeriod(BaseModel):
    """A stretch of business time in which at least one hold stood."""

    model_config = ConfigDict(frozen=True)

    start: AwareDatetime
    end: AwareDatetime


class Holds(BaseModel):
    """The holds that stand now, and the stretches of time in which any stood. Overlapping holds stop the clock once."""

    standing: dict[str, Hold] = Field(default_factory=dict)
    past: list[HeldPeriod] = Field(default_factory=list)
    since: AwareDatetime | None = None

    @property
    def is_on_hold(self) -> bool:
        return bool(self.standing)

    def has_kind(self, kind: HoldKind) -> bool:
        return any(hold.kind is kind for hold in self.standing.values())

    def place(self, hold: Hold) -> bool:
        """True when this is a new hold; the same id again changes only its end and reason."""
        known = hold.hold_id in self.standing
        if not self.standing:
            self.since = hold.since
        self.standing[hold.hold_id] = hold
        return not known

    def lift(self, hold_id: str, at: datetime) -> Hold | None:
        """The hold that was lifted, or None if it did not stand."""
        hold = self.standing.pop(hold_id, None)
        if hold is not None and not self.standing and self.since is not None:
            if at > self.since:
                self.past.append(HeldPeriod(start=self.since, end=at))
            self.since = None
        return hold

    def next_expiry(self) -> datetime | None:
        """The first business time at which a hold lifts by itself."""
        return min((hold.until for hold in self.standing.values() if hold.until), default=None)

    def list_expired(self, now: datetime) -> list[Hold]:
        """Holds whose time is up, oldest end first."""
        over = [hold for hold in self.standing.values() if hold.until and hold.until <= now]
        return sorted(over, key=lambda hold: (hold.until, hold.hold_id))

    def compute_held_time(self, start: datetime, now: datetime) -> timedelta:
        """How much of [start, now] was spent on hold."""
        spans = [(span.start, span.end) for span in self.past]
        if self.since is not None:
            spans.append((self.since, now))
        return sum((max(min(end, now) - max(begin, start), timedelta(0)) for begin, end in spans), timedelta(0))
