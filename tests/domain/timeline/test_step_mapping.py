"""Where an invoice stands on a corrected timeline, case by case as finance would say it, and for any two timelines."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy.collection_policy import Policy, StepAction
from domain.timeline.step_mapping import map_taken_steps
from domain.timeline.step_schedule import TakenStep, next_step
from tests.domain.builders import DUE, TIMELINE, build_policy, midnight

OLD = build_policy()


def letter(day: int, name: str) -> dict[str, Any]:
    return {"day": day, "step": name, "act": "letter", "letter": "reminder"}


def call(day: int, name: str) -> dict[str, Any]:
    return {"day": day, "step": name, "act": "call"}


def take(policy: Policy, *names: str) -> list[TakenStep]:
    steps = [policy.find_step(name) for name in names]
    return [
        TakenStep(step=step.step, day=step.day, act=step.act, at=midnight(step.day), contact_on=midnight(step.day).date())
        for step in steps
        if step
    ]


def find_next(taken: list[TakenStep], timeline: list[dict[str, Any]], today: int = 500) -> str | None:
    policy = build_policy(version=2, timeline=timeline)
    following = next_step(policy, map_taken_steps(taken, policy), DUE, midnight(today).date())
    return following.step if following else None


REMINDED = take(OLD, "reminder")
TWICE = take(OLD, "reminder", "second_reminder")
CALLED = take(OLD, "reminder", "second_reminder", "phone_call")
UNKNOWN = [TakenStep(step="gentle_nudge", day=25, act=StepAction.LETTER, at=midnight(25), contact_on=midnight(25).date())]


@pytest.mark.parametrize(
    ("taken", "timeline", "expected"),
    [
        pytest.param(TWICE, TIMELINE, "phone_call", id="nothing changed"),
        pytest.param([], TIMELINE, "reminder", id="nothing taken yet"),
        pytest.param(
            TWICE, [letter(2, "reminder"), letter(12, "second_reminder"), call(20, "phone_call")], "phone_call", id="a later day: not again"
        ),
        pytest.param(
            TWICE, [letter(1, "reminder"), letter(3, "second_reminder"), letter(5, "firm_reminder")], "firm_reminder", id="an earlier day"
        ),
        pytest.param(
            REMINDED, [letter(1, "reminder"), call(3, "early_call"), letter(7, "second_reminder")], "early_call", id="put in next"
        ),
        pytest.param(
            TWICE,
            [letter(1, "reminder"), call(3, "early_call"), letter(7, "second_reminder"), letter(21, "firm_reminder")],
            "firm_reminder",
            id="put in before what was done: passed over",
        ),
        pytest.param(CALLED, [letter(1, "reminder"), letter(7, "second_reminder"), letter(21, "firm")], "firm", id="a call taken out"),
        pytest.param(
            TWICE, [letter(1, "reminder"), letter(8, "second_notice"), letter(21, "firm")], "second_notice", id="another name, a later day"
        ),
        pytest.param(
            TWICE,
            [letter(1, "reminder"), letter(6, "second_notice"), letter(21, "firm")],
            "firm",
            id="another name, no later: it is that one",
        ),
        pytest.param(REMINDED, [letter(1, "first_notice"), letter(7, "second_reminder")], "second_reminder", id="the first one renamed"),
        pytest.param(CALLED, [letter(1, "reminder"), letter(7, "second_reminder"), letter(10, "firm")], "firm", id="a letter is no call"),
        pytest.param(
            UNKNOWN,
            [letter(1, "reminder"), letter(7, "second_reminder"), letter(21, "firm_reminder")],
            "second_reminder",
            id="one unknown letter stands for one: nothing harsher is skipped to",
        ),
        pytest.param(UNKNOWN, [letter(30, "reminder"), letter(40, "firm_reminder")], "reminder", id="it was before all that is there"),
        pytest.param(TWICE, [letter(1, "second_reminder"), letter(5, "reminder"), letter(9, "firm")], "firm", id="the order turned round"),
        pytest.param(take(OLD, "courtesy_note"), [letter(-5, "note"), letter(1, "reminder")], "reminder", id="a courtesy note renamed"),
        pytest.param(take(OLD, "courtesy_note"), [letter(1, "reminder")], "reminder", id="a courtesy note stands for no reminder"),
        pytest.param(TWICE, [letter(1, "reminder"), letter(2, "second_reminder")], None, id="nothing is left"),
    ],
)
def test_the_timeline_goes_on_where_the_invoice_stands(
    taken: list[TakenStep], timeline: list[dict[str, Any]], expected: str | None
) -> None:
    assert find_next(taken, timeline) == expected


names = st.sampled_from("abcdefg")
acts = st.sampled_from([letter, call])


@st.composite
def timelines(draw: st.DrawFn) -> list[dict[str, Any]]:
    chosen = draw(st.lists(names, unique=True, min_size=1, max_size=6))
    days = sorted(draw(st.lists(st.integers(1, 60), unique=True, min_size=len(chosen), max_size=len(chosen))))
    return [draw(acts)(day, name) for day, name in zip(days, chosen, strict=True)]


@given(timelines(), timelines(), st.integers(0, 6))
def test_nothing_is_done_again_and_no_step_is_passed_over_but_for_one_that_was_taken(
    old: list[dict[str, Any]], new: list[dict[str, Any]], steps: int
) -> None:
    before, after = build_policy(timeline=old), build_policy(version=2, timeline=new)
    taken = take(before, *[step.step for step in before.timeline[:steps]])
    mapped = map_taken_steps(taken, after)
    following = next_step(after, mapped, DUE, midnight(500).date())

    passed = [step.step for step in after.timeline if following is None or step.day < following.day]
    done = {step.step for step in taken}
    assert following is None or following.step not in done
    assert [(one.step, one.act, one.at, one.contact_on) for one in mapped] == [(one.step, one.act, one.at, one.contact_on) for one in taken]
    furthest_by_name = max((index for index, step in enumerate(after.timeline) if step.step in done), default=-1)
    assert len(passed) <= furthest_by_name + 1 + len([one for one in taken if after.find_step(one.step) is None])


@given(timelines(), st.integers(0, 6))
def test_the_same_timeline_changes_nothing(timeline: list[dict[str, Any]], steps: int) -> None:
    policy = build_policy(timeline=timeline)
    taken = take(policy, *[step.step for step in policy.timeline[:steps]])
    assert map_taken_steps(taken, policy) == taken
