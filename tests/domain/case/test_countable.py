"""What no case can count with is found, wherever it stands in a value, and is not repeated."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain.case.command import Command
from domain.case.countable import LARGEST_SUM, LONGEST_TEXT, find_uncountable
from domain.clock import FIRST_DAY, LAST_DAY, LAST_MOMENT, Clock
from domain.invoice.commands import MakePromise

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
DAY_OUT_OF_BOUNDS = "a day that is not from 1970-01-01 to 2999-12-31"


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "a",
        LARGEST_SUM,
        -LARGEST_SUM,
        1.5,
        FIRST_DAY,
        LAST_DAY,
        MOMENT,
        [1, "b"],
        {"a": date(2024, 2, 29)},
        Clock.real_time(),
    ],
)
def test_what_a_case_can_count_with_passes(value: Any) -> None:
    assert find_uncountable(value) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (LARGEST_SUM + 1, "a number beyond any amount"),
        (float("nan"), "no number"),
        (float("inf"), "no number"),
        (date(1969, 12, 31), DAY_OUT_OF_BOUNDS),
        (date(3000, 1, 1), DAY_OUT_OF_BOUNDS),
        (datetime(9999, 12, 31, tzinfo=UTC), DAY_OUT_OF_BOUNDS),
        ("a\0b", "a text that no database stores"),
        ("\ud800", "a text that no database stores"),
        ("x" * (LONGEST_TEXT + 1), "a text of more than 200000 characters"),
        ([1, [date.max]], f"1.0: {DAY_OUT_OF_BOUNDS}"),
        ({"key\0": 1}, "0: a text that no database stores"),
        (Clock(real_anchor=MOMENT, business_anchor=MOMENT, day_seconds=1e-9), "a clock that is too fast"),
        (MakePromise(act_id="a", actor="mia", amount=1, by=date.max), f"by: {DAY_OUT_OF_BOUNDS}"),
        (Command(act_id="a" * 1_001, actor="mia"), "act_id: an id of more than 1000 characters"),
        (Command(act_id="a", actor="m\0"), "actor: a text that no database stores"),
    ],
)
def test_what_no_case_can_count_with_is_named_by_its_place(value: Any, found: str) -> None:
    assert find_uncountable(value) == found


def test_business_time_ends_with_the_last_day() -> None:
    fast = Clock(real_anchor=MOMENT, business_anchor=MOMENT, day_seconds=0.001)
    assert fast.is_countable_at(MOMENT)
    for real in (datetime(2025, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)):
        assert fast.to_business(real) == LAST_MOMENT
        assert not fast.is_countable_at(real)
    assert not Clock(real_anchor=MOMENT, business_anchor=datetime(1969, 1, 1, tzinfo=UTC), paused=True).is_countable_at(MOMENT)
