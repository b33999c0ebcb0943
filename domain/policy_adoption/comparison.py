"""What a later version of its policy changes for an open invoice: its next step, and when that is due."""

from datetime import date
from enum import StrEnum
from typing import NamedTuple

from domain.policy.collection_policy import Policy, Step
from domain.timeline.holds import Holds
from domain.timeline.step_mapping import map_taken_steps
from domain.timeline.step_schedule import TakenStep, next_step, step_due_at


class StepChange(StrEnum):
    """How the next step differs: another step that stands later or earlier on a timeline that has both, or the same one on another day."""

    SAME = "same"
    SOONER = "sooner"
    LATER = "later"
    HARSHER = "harsher"
    SOFTER = "softer"
    OTHER = "other"


class FollowedTimeline(NamedTuple):
    """An open invoice as the timeline sees it: what was done, when it is due, its holds, and whether the next step comes without the
    time that it was held (after a broken payment plan)."""

    taken: list[TakenStep]
    due_date: date
    holds: Holds
    is_hastened: bool = False


class NextStepChange(NamedTuple):
    """The next step now and after. Days are business dates (UTC), never before today; None while it is on hold, or without step."""

    change: StepChange
    step_before: str | None
    on_before: date | None
    step_after: str | None
    on_after: date | None


def compare_next_steps(invoice: FollowedTimeline, before: Policy, after: Policy, today: date) -> NextStepChange:
    step_before, on_before = _find_next_step(invoice, before, today)
    step_after, on_after = _find_next_step(invoice._replace(taken=map_taken_steps(invoice.taken, after)), after, today)
    return NextStepChange(
        change=_classify_change(before, after, step_before, step_after, on_before, on_after),
        step_before=step_before.step if step_before else None,
        on_before=on_before,
        step_after=step_after.step if step_after else None,
        on_after=on_after,
    )


def _find_next_step(invoice: FollowedTimeline, policy: Policy, today: date) -> tuple[Step | None, date | None]:
    step = next_step(policy, invoice.taken, invoice.due_date, today)
    if step is None or invoice.holds.is_on_hold:
        return step, None
    holds = Holds() if invoice.is_hastened else invoice.holds
    return step, max(today, step_due_at(policy, step, invoice.taken, invoice.due_date, holds).date())


def _classify_change(
    before: Policy, after: Policy, step_before: Step | None, step_after: Step | None, on_before: date | None, on_after: date | None
) -> StepChange:
    if step_before is None or step_after is None:
        if step_before is step_after:
            return StepChange.SAME
        return StepChange.HARSHER if step_before is None else StepChange.SOFTER
    if step_before.step != step_after.step:
        return _compare_steps(before, after, step_before.step, step_after.step)
    if on_before is None or on_after is None:  # on hold: the days on the timeline tell
        return _compare_days(step_before.day, step_after.day)
    return _compare_days(on_before.toordinal(), on_after.toordinal())


def _compare_steps(before: Policy, after: Policy, step_before: str, step_after: str) -> StepChange:
    """By the timeline that is to be followed, where it has both steps; else by the one that was."""
    for policy in (after, before):
        places = {step.step: place for place, step in enumerate(policy.timeline)}
        if step_before in places and step_after in places:
            return StepChange.HARSHER if places[step_after] > places[step_before] else StepChange.SOFTER
    return StepChange.OTHER


def _compare_days(before: int, after: int) -> StepChange:
    if before == after:
        return StepChange.SAME
    return StepChange.SOONER if after < before else StepChange.LATER
