"""Holds: the reasons that stop an invoice's collection clock, with their times."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class HoldKind(StrEnum):
    """The reason of a hold."""

    DISPUTE = "dispute"
    PROMISE = "promise"
    PAUSE = "pause"
    BELOW_MINIMUM = "below_minimum"
    PAYMENT_PLAN = "payment_plan"
    CREDIT_REVIEW = "credit_review"
    SUSPENSION = "suspension"
    WRITE_OFF = "write_off"


class Hold(BaseModel):
    """One reason not to chase an invoice. Times are business time (UTC); `until` is when it lifts by itself."""

    model_config = ConfigDict(frozen=True)

    hold_id: str
    kind: HoldKind
    since: AwareDatetime
    until: AwareDatetime | None = None
    reason: str = ""


class HeldPeriod(BaseModel):
    """A period of business time (UTC) in which at least one hold was active."""

    model_config = ConfigDict(frozen=True)

    start: AwareDatetime
    end: AwareDatetime


class Holds(BaseModel):
    """The active holds by id (`standing`), and the periods in which any was active. Overlapping holds stop the clock once."""

    standing: dict[str, Hold] = Field(default_factory=dict)
    past: list[HeldPeriod] = Field(default_factory=list)
    since: AwareDatetime | None = None

    @property
    def is_on_hold(self) -> bool:
        """True while a hold is active."""
        return bool(self.standing)

    def has_kind(self, kind: HoldKind) -> bool:
        """Return true while a hold of the kind is active."""
        return any(hold.kind is kind for hold in self.standing.values())

    def place(self, hold: Hold) -> bool:
        """Place a hold; true when it is new. The same id again changes only its end and reason."""
        known = hold.hold_id in self.standing
        if not self.standing:
            self.since = hold.since
        self.standing[hold.hold_id] = hold
        return not known

    def lift(self, hold_id: str, at: datetime) -> Hold | None:
        """Lift a hold and return it; None if it was not active."""
        hold = self.standing.pop(hold_id, None)
        if hold is not None and not self.standing and self.since is not None:
            if at > self.since:
                self.past.append(HeldPeriod(start=self.since, end=at))
            self.since = None
        return hold

    def next_expiry(self) -> datetime | None:
        """Return the first business time (UTC) at which a hold lifts by itself; None when none does."""
        return min((hold.until for hold in self.standing.values() if hold.until), default=None)

    def list_expired(self, now: datetime) -> list[Hold]:
        """List the holds whose time is up, oldest end first."""
        expired = [hold for hold in self.standing.values() if hold.until and hold.until <= now]
        return sorted(expired, key=lambda hold: (hold.until, hold.hold_id))

    def compute_held_time(self, start: datetime, now: datetime) -> timedelta:
        """Return how much of the time from `start` to `now` was on hold."""
        periods = [(period.start, period.end) for period in self.past]
        if self.since is not None:
            periods.append((self.since, now))
        held_times = (max(min(held_until, now) - max(held_from, start), timedelta(0)) for held_from, held_until in periods)
        return sum(held_times, timedelta(0))
