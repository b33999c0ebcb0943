"""A call that an invoice asked for and that nobody has made yet."""

from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from domain.clock import start_of_day

ESCALATED_CALL_PREFIX = "escalation:call:"
"""With which the key of the task begins by which an account's call is escalated."""

ASSIGNMENT_MARK = "#"
"""After which that key has the number of the assignment, of a call that was not made by whoever it was given to."""


class RequestedCall(BaseModel):
    """`step` asked for it; `task` is the key of the account's call, of which it is a part. `due_on` is the customer's date of the call; or
    the business date on which it was given to somebody (`assignee`), after it was escalated. None where that is not known: then it is never
    escalated. `is_overdue` is set once it was noted that nobody has called in time; `assigned`: how often it was given to somebody."""

    model_config = ConfigDict(frozen=True)

    step: str
    task: str
    due_on: date | None = None
    is_overdue: bool = False
    assigned: int = 0
    assignee: str = ""

    @property
    def escalation_key(self) -> str:
        """The key of the task by which the account's call is escalated: once, whichever of its invoices is the first to do so; and once
        more each time that it was given to somebody."""
        return f"escalation:{self.task}" + (f"{ASSIGNMENT_MARK}{self.assigned}" if self.assigned else "")

    def assign(self, assignee: str, on: date) -> "RequestedCall":
        """Return the call as somebody is to make it now, from a business date on: as many days later it is escalated again."""
        return self.model_copy(update={"assignee": assignee, "assigned": self.assigned + 1, "due_on": on, "is_overdue": False})

    def escalated_at(self, days_to_call: int) -> datetime | None:
        """Return the business time (UTC) at which its day and the policy's days are over."""
        return start_of_day(self.due_on + timedelta(days=days_to_call + 1)) if self.due_on else None
