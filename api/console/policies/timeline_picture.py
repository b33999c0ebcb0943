"""A policy's timeline as the server draws it: each step at its day, from the left to the right."""

from typing import NamedTuple

from domain.policy.collection_policy import Policy, Step

LEFT, RIGHT = 3.0, 97.0
"""Where the picture begins and ends, in hundredths of its width."""

NEAR = 4.0
"""Two steps nearer than this, in hundredths, have their numbers on two lines."""


class DrawnStep(NamedTuple):
    """`number`: by which the list beneath names it, from 1. `x` in hundredths; `is_low`: its number stands on the lower line."""

    number: int
    step: Step
    x: float
    is_low: bool


class TimelinePicture(NamedTuple):
    """`due_x`: where the due date lies."""

    steps: list[DrawnStep]
    due_x: float


def draw_timeline(policy: Policy) -> TimelinePicture:
    """The due date is on every picture, wherever the steps lie."""
    days = [0, *(step.day for step in policy.timeline)]
    first, length = min(days), max(max(days) - min(days), 1)

    def place(day: int) -> float:
        return round(LEFT + (RIGHT - LEFT) * (day - first) / length, 2)

    drawn = list[DrawnStep]()
    for number, step in enumerate(policy.timeline, 1):
        x = place(step.day)
        is_low = bool(drawn) and x - drawn[-1].x < NEAR and not drawn[-1].is_low
        drawn.append(DrawnStep(number, step, x, is_low))
    return TimelinePicture(drawn, place(0))
