"""Where an invoice stands on another policy's timeline: what was done is not done again, and nothing harsher is skipped to.

A step that was taken stands where the new timeline has the step of its name. One whose name is gone stands for the next step of the new
timeline, if that has the same act and is due no later than the taken one was; otherwise it stands for none. The timeline goes on with the
step after the furthest one that a taken step stands for.
"""

from collections.abc import Sequence

from domain.policy.collection_policy import Policy, Step
from domain.timeline.step_schedule import TakenStep


def map_taken_steps(taken: Sequence[TakenStep], policy: Policy) -> list[TakenStep]:
    """Return the steps with the day that each has on the policy's timeline; one that stands for no step there, the day of the furthest
    one before it, or the day before the timeline begins."""
    place_of = {step.step: place for place, step in enumerate(policy.timeline)}
    names = {taken_step.step for taken_step in taken}
    furthest, mapped = -1, list[TakenStep]()
    for taken_step in taken:
        place = place_of.get(taken_step.step)
        if place is None:
            place = _find_stand_in(taken_step, policy.timeline, furthest, names)
        furthest = max(furthest, -1 if place is None else place)
        mapped.append(taken_step.model_copy(update={"day": _find_day(policy, furthest if place is None else place)}))
    return mapped


def _find_stand_in(taken_step: TakenStep, timeline: Sequence[Step], furthest: int, names: set[str]) -> int | None:
    """Find the step that one whose name is gone stands for: the next one, past those that make sense only before the due date unless it was
    such a one itself."""
    for place, step in enumerate(timeline):
        if place <= furthest or (step.is_before_due and taken_step.day > 0):
            continue
        fits = step.act is taken_step.act and step.day <= taken_step.day and step.step not in names
        return place if fits else None
    return None


def _find_day(policy: Policy, place: int) -> int:
    return policy.timeline[place].day if place >= 0 else policy.timeline[0].day - 1
