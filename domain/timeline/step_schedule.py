"""The next step and its day. Steps are taken in order, one at a time, none twice; only one that has become pointless is skipped."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.clock import start_of_day
from domain.policy.collection_policy import Policy, Step, StepAction
from domain.timeline.collection_clock import find_time_of_clock_day
from domain.timeline.holds import Holds


class TakenStep(BaseModel):
    """A step that was taken, with the action that it had in the policy of that time. `day` is its place on the timeline of the policy that
    the invoice follows now: the day that it had there, or that of the step which it stands for since another policy was adopted.

    `contact_on` is the day, in the customer's time zone, of the contact: the slot's day, or the day on which the letter was sent. `fate`
    is the outcome of its letter or its call, once that is known. `in_doubt`: nobody knows whether its letter arrived, and nothing
    follows it until a person has decided.
    """

    model_config = ConfigDict(frozen=True)

    step: str
    day: int
    act: StepAction
    at: AwareDatetime
    contact_on: date
    fate: str | None = None
    in_doubt: bool = False


def next_step(policy: Policy, taken: Sequence[TakenStep], due_date: date, today: date) -> Step | None:
    """Return the step after the last one taken; None at the end of the timeline.

    A step that makes sense only before the due date is passed over once the invoice is past due. Nothing else is:
    an invoice that starts late starts at its first reminder and climbs from there.
    """
    last_day = max((taken_step.day for taken_step in taken), default=None)
    for step in policy.timeline:
        if last_day is not None and step.day <= last_day:
            continue
        if step.is_before_due and today > due_date:
            continue
        return step
    return None


def step_due_at(policy: Policy, step: Step, taken: Sequence[TakenStep], due_date: date, holds: Holds) -> datetime:
    """Return the business time (UTC) at which a step is due, if no hold is active or comes: the collection clock's, but not within
    `catch_up_days` of the customer's last contact about this invoice."""
    clock_time = find_time_of_clock_day(due_date, holds, step.day)
    if not taken:
        return clock_time
    return max(clock_time, start_of_day(taken[-1].contact_on + timedelta(days=policy.catch_up_days)))
