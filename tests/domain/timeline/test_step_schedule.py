"""The timeline against a naive reading of the policy: walk the list, one date after another."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timeline.holds import Hold, HoldKind, Holds
from domain.timeline.step_schedule import TakenStep, next_step, step_due_at
from tests.domain.builders import DAY, DUE, TIMELINE, build_policy, find_step, midnight

POLICY = build_policy()
NAMES = [str(entry["step"]) for entry in TIMELINE]


def taken(name: str, on: float) -> TakenStep:
    past = find_step(name)
    return TakenStep(step=name, day=past.day, act=past.act, at=midnight(on), contact_on=midnight(on).date())


def next_name(past: list[TakenStep], today: float) -> str | None:
    following = next_step(POLICY, past, DUE, midnight(today).date())
    return following.step if following else None


@pytest.mark.parametrize(
    ("today", "first"), [(-30, "courtesy_note"), (-1, "courtesy_note"), (0, "courtesy_note"), (1, "reminder"), (400, "reminder")]
)
def test_a_late_start_begins_with_the_first_reminder_never_a_harsher_step(today: int, first: str) -> None:
    assert next_name([], today) == first


@pytest.mark.parametrize(("last", "following"), [*pairwise(NAMES), (NAMES[-1], None)])
def test_the_next_step_is_the_one_after_the_last_however_late_it_is(last: str, following: str | None) -> None:
    assert next_name([taken(last, -3)], 500) == following


def test_a_step_that_a_new_policy_does_not_have_is_judged_by_its_day() -> None:
    gone = TakenStep(step="old_name", day=10, act=find_step("phone_call").act, at=midnight(10), contact_on=midnight(10).date())
    assert next_name([gone], 20) == "phone_call"


stretches_of_days = st.lists(st.tuples(st.integers(-10, 60), st.integers(1, 30)), max_size=4).map(
    lambda stretches: {day for begin, length in stretches for day in range(begin, begin + length)}
)


@given(st.integers(-10, 60), stretches_of_days, stretches_of_days, st.lists(st.integers(0, 6), min_size=6, max_size=6))
def test_whatever_the_outages_and_holds_steps_come_in_order_once_each_and_days_apart(
    start: int, outage: set[int], held: set[int], slot_delays: list[int]
) -> None:
    past: list[TakenStep] = []
    holds, collectable = Holds(), max(start, 0)
    for day in range(start, 200):
        if day in held and not holds.is_on_hold:
            holds.place(Hold(hold_id="h", kind=HoldKind.PAUSE, since=midnight(day)))
        if day not in held:
            holds.lift("h", midnight(day))
        today = midnight(day).date()
        following = next_step(POLICY, past, DUE, today)
        if following and day not in outage and not holds.is_on_hold and step_due_at(POLICY, following, past, DUE, holds) <= midnight(day):
            assert (collectable if following.day > 0 else day) >= following.day
            assert not past or today >= past[-1].contact_on + POLICY.catch_up_days * DAY
            past.append(taken(following.step, day + slot_delays[len(past)]))
        collectable += day >= 0 and not holds.is_on_hold
    names = [one.step for one in past]
    assert names == NAMES[NAMES.index(names[0]) :]
    assert names[0] in NAMES[:2]


@given(st.integers(-3, 60), st.integers(0, 60), st.sampled_from(NAMES[1:]))
def test_a_step_is_due_on_its_day_but_not_within_catch_up_days_of_the_last_contact(contact: int, held: int, name: str) -> None:
    holds = Holds()
    holds.place(Hold(hold_id="h", kind=HoldKind.PAUSE, since=midnight()))
    holds.lift("h", midnight(held))
    due = step_due_at(POLICY, find_step(name), [taken("courtesy_note", contact)], DUE, holds)
    assert due == max(midnight(find_step(name).day + held), midnight(contact + 3))


def test_the_first_step_waits_for_nothing_but_its_day() -> None:
    assert step_due_at(POLICY, find_step("courtesy_note"), [], DUE, Holds()) == midnight(-3)
    assert step_due_at(POLICY, find_step("reminder"), [], date(2013, 1, 1), Holds()).date() == date(2013, 1, 1) + timedelta(days=1)
