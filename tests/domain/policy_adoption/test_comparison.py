"""What a later version of its policy changes for an invoice, against the step that it then takes."""

from datetime import date
from typing import Any

import pytest

from domain.policy_adoption.comparison import FollowedTimeline, StepChange, compare_next_steps
from domain.timeline.holds import Hold, HoldKind, Holds
from domain.timeline.step_schedule import TakenStep
from tests.domain.builders import DAY, DUE, TIMELINE, build_policy, find_step, midnight

OLD = build_policy()


def taken(*names: str) -> list[TakenStep]:
    steps = [find_step(name) for name in names]
    return [
        TakenStep(step=step.step, day=step.day, act=step.act, at=midnight(step.day), contact_on=midnight(step.day).date()) for step in steps
    ]


def change_day(name: str, day: int) -> list[dict[str, Any]]:
    return [{**step, "day": day} if step["step"] == name else step for step in TIMELINE]


def leave_out(name: str) -> list[dict[str, Any]]:
    return [step for step in TIMELINE if step["step"] != name]


FOLLOWED = FollowedTimeline(taken("reminder"), DUE, Holds())
TODAY = DUE + 3 * DAY


@pytest.mark.parametrize(
    ("timeline", "change", "step", "on"),
    [
        pytest.param(TIMELINE, StepChange.SAME, "second_reminder", DUE + 7 * DAY, id="nothing"),
        pytest.param(change_day("second_reminder", 5), StepChange.SOONER, "second_reminder", DUE + 5 * DAY, id="sooner"),
        pytest.param(change_day("second_reminder", 12), StepChange.LATER, "second_reminder", DUE + 12 * DAY, id="later"),
        pytest.param(change_day("second_reminder", 2), StepChange.SOONER, "second_reminder", DUE + 4 * DAY, id="not before its catch-up"),
        pytest.param(leave_out("second_reminder"), StepChange.HARSHER, "phone_call", DUE + 14 * DAY, id="left out"),
        pytest.param(
            [TIMELINE[1], {"day": 4, "step": "call", "act": "call"}, *TIMELINE[2:]], StepChange.SOFTER, "call", DUE + 4 * DAY, id="put in"
        ),
        pytest.param(TIMELINE[:2], StepChange.SOFTER, None, None, id="nothing is left"),
        pytest.param([{"day": 9, "step": "x", "act": "call"}], StepChange.OTHER, "x", DUE + 9 * DAY, id="nothing in common"),
    ],
)
def test_what_changes(timeline: list[dict[str, Any]], change: StepChange, step: str | None, on: date | None) -> None:
    found = compare_next_steps(FOLLOWED, OLD, build_policy(version=2, timeline=timeline), TODAY)
    assert (found.step_before, found.on_before) == ("second_reminder", DUE + 7 * DAY)
    assert (found.change, found.step_after, found.on_after) == (change, step, on)


def test_where_nothing_was_left_what_comes_is_harsher() -> None:
    ended = FOLLOWED._replace(taken=taken("reminder", "final_demand"))
    longer = [*TIMELINE, {"day": 40, "step": "last_call", "act": "call"}]
    found = compare_next_steps(ended, OLD, build_policy(version=2, timeline=longer), TODAY)
    assert (found.change, found.step_before, found.step_after) == (StepChange.HARSHER, None, "last_call")


def test_what_is_overdue_by_then_is_due_today() -> None:
    found = compare_next_steps(FOLLOWED, OLD, build_policy(version=2, timeline=change_day("second_reminder", 5)), DUE + 30 * DAY)
    assert (found.on_before, found.on_after, found.change) == (DUE + 30 * DAY, DUE + 30 * DAY, StepChange.SAME)


def test_on_hold_no_day_is_said_and_the_days_of_the_timeline_tell_what_changes() -> None:
    held = FOLLOWED._replace(holds=Holds(standing={"p": Hold(hold_id="p", kind=HoldKind.PAUSE, since=midnight(2))}, since=midnight(2)))
    found = compare_next_steps(held, OLD, build_policy(version=2, timeline=change_day("second_reminder", 5)), TODAY)
    assert (found.change, found.on_before, found.on_after) == (StepChange.SOONER, None, None)
