"""Which step comes next, and when. Steps are taken in order, one at a time, none twice, none skipped but what has lost its sense."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.clock import start_of_day
from domain.policy.collection_policy import Policy, Step, StepAction
from domain.timeline.collection_clock import find_time_of_clock_day
from domain.timeline.holds import Holds


class TakenStep(BaseModel):
    """A step that was taken, with the day and act it had in the policy of that time.

    `contact_on` is the day, in the customer's time zone, on which the customer hears of it: the slot's day, or the day the letter
    really went. `fate` is what became of its letter, once that is known.
    """

    model_config = ConfigDict(frozen=True)

    step: str
    day: int
    act: StepAction
    at: AwareDatetime
    contact_on: date
    fate: str | None = None


def next_step(policy: Policy, taken: Sequence[TakenStep], due_date: date, today: date) -> Step | None:
    """The step after the last one taken; None at the end of the timeline.

    A step that makes sense only before the due date is passed over once the invoice is past due. Nothing else is:
    an invoice that starts late starts at its first reminder and climbs from there.
    """
    reached = max((past.day for past in taken), default=None)
    for step in policy.timeline:
        if reached is not None and step.day <= reached:
            continue
        if step.is_before_due and today > due_date:
            continue
        return step
    return None


def step_due_at(policy: Policy, step: Step, taken: Sequence[TakenStep], due_date: date, holds: Holds) -> datetime:
    """The business time at which a step is due, if no hold stands or comes: the collection clock's, but not within
    `catch_up_days` of the customer's last contact about this invoice."""
    on_the_clock = find_time_of_clock_day(due_date, holds, step.day)
    if not taken:
        return on_the_clock
    return max(on_the_clock, start_of_day(taken[-1].contact_on + timedelta(days=policy.catch_up_days)))
