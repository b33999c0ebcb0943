"""The business clock of a running process, which all its parts share: it may be paused or slowed while they run."""

from datetime import datetime
from typing import Any

from domain.clock import Clock


class LiveClock(Clock):
    """Shows at any time what the clock shows that was taken over last. Safe to share between threads: it is read as a whole."""

    @classmethod
    def from_clock(cls, clock: Clock) -> "LiveClock":
        return cls(**dict(clock))

    def take_over(self, clock: Clock) -> None:
        """Go on as another clock."""
        object.__setattr__(self, "__dict__", dict(clock))

    def get_current(self) -> Clock:
        """Return the clock as it is now, which stays so."""
        now: dict[str, Any] = self.__dict__
        return Clock.model_construct(**now)

    def to_business(self, real: datetime) -> datetime:
        return self.get_current().to_business(real)

    def to_real(self, business: datetime) -> datetime:
        return self.get_current().to_real(business)
