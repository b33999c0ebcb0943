"""A call that an invoice asked for and that nobody has made yet."""

from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from domain.clock import start_of_day

ESCALATED_CALL_PREFIX = "escalation:call:"
"""With which the key of the task begins by which an account's call is escalated."""


class RequestedCall(BaseModel):
    """`step` asked for it; `task` is the key of the account's call, of which it is a part. `due_on` is the customer's date of the call,
    None where it is not known: then it is never escalated; `is_overdue` is set once it was noted that nobody has called in time."""

    model_config = ConfigDict(frozen=True)

    step: str
    task: str
    due_on: date | None = None
    is_overdue: bool = False

    @property
    def escalation_key(self) -> str:
        """The key of the task by which the account's call is escalated: once, whichever of its invoices is the first to do so."""
        return f"escalation:{self.task}"

    def escalated_at(self, days_to_call: int) -> datetime | None:
        """Return the business time (UTC) at which its day and the policy's days are over."""
        return start_of_day(self.due_on + timedelta(days=days_to_call + 1)) if self.due_on else None
