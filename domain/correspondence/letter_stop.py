"""A stop: no letter of its scope goes while it lasts, whoever asks for one."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict


class StopScope(StrEnum):
    """Whose letters a stop holds back. POLICY: those of every account that has an invoice under collection by that policy."""

    ALL = "all"
    POLICY = "policy"
    ACCOUNT = "account"


class LetterStop(BaseModel):
    """One stop. `target` is the policy's name or the account's id, and empty for all letters.

    `last_day` is the last business date on which nothing goes; None: until somebody ends it. Times are business time, UTC.
    """

    model_config = ConfigDict(frozen=True)

    stop_id: str
    scope: StopScope
    target: str = ""
    reason: str
    made_by: str
    made_at: AwareDatetime
    last_day: date | None = None
    ended_by: str | None = None
    ended_at: AwareDatetime | None = None

    def is_active_on(self, day: date) -> bool:
        """Return true on the business dates on which it holds letters back; from the day on which it was ended it holds none."""
        is_over = (self.ended_at is not None and self.ended_at.date() <= day) or (self.last_day is not None and self.last_day < day)
        return self.made_at.date() <= day and not is_over


class LetterBrake(BaseModel):
    """Why no letter goes to an account: a stop reaches it, it is held for release (`awaits_release`), or the billing system that it is of
    was not read (`unread_system`, its name). `until` is the last business date, where there is one; `by` made the stop, or imported the
    account. `stop_id`: that of a stop of this account alone."""

    model_config = ConfigDict(frozen=True)

    awaits_release: bool = False
    unread_system: str = ""
    since: date
    until: date | None = None
    reason: str = ""
    by: str
    stop_id: str = ""

    def holds_on(self, day: date) -> bool:
        """Whether a letter that would go on a business date, not before today, is held back."""
        return self.until is None or day <= self.until
