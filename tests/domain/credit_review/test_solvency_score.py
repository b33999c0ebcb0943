"""The solvency score: explained whole, bounded, neutral where nothing is known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.credit_review.solvency_score import FACTOR_WEIGHTS, PaymentBehaviour, SolvencyFactor, SolvencyScore, score_solvency

GOOD: dict[str, Any] = {
    "days_late": [0, 0, 0, 0],
    "promises_kept": 4,
    "disputes_resolved": 2,
    "open_amount": 10,
    "credit_limit": 1_000,
}


def of(solvency: SolvencyScore, factor: SolvencyFactor) -> tuple[float | None, float, str]:
    found = next(one for one in solvency.factors if one.factor is factor)
    return found.value, found.points, found.sentence


def test_the_weights_add_up_to_a_hundred() -> None:
    assert sum(FACTOR_WEIGHTS.values()) == 100
    assert FACTOR_WEIGHTS.keys() == set(SolvencyFactor)


def test_an_account_of_which_nothing_is_known_is_neutral_and_each_factor_says_so() -> None:
    unknown = score_solvency(PaymentBehaviour())
    assert unknown.total == 50
    assert [factor.sentence for factor in unknown.factors] == [f"solvency.{factor}.unknown" for factor in SolvencyFactor]


@pytest.mark.parametrize(
    ("changed", "factor", "expected"),
    [
        ({"days_late": [30, 30]}, SolvencyFactor.AVERAGE_DAYS_LATE, (30, 17.5, "solvency.average_days_late.fair")),
        ({"days_late": [-9, 0]}, SolvencyFactor.AVERAGE_DAYS_LATE, (0, 35, "solvency.average_days_late.good")),
        ({"days_late": [90, 90]}, SolvencyFactor.AVERAGE_DAYS_LATE, (90, 0, "solvency.average_days_late.poor")),
        ({"days_late": [0, 0, 30, 30]}, SolvencyFactor.TREND, (30, 0, "solvency.trend.poor")),
        ({"days_late": [30, 30, 0, 0]}, SolvencyFactor.TREND, (-30, 15, "solvency.trend.good")),
        ({"days_late": [30, 0, 0]}, SolvencyFactor.TREND, (None, 7.5, "solvency.trend.unknown")),
        ({"promises_kept": 1, "promises_broken": 3}, SolvencyFactor.PROMISES_KEPT, (25, 5, "solvency.promises_kept.poor")),
        ({"disputes_lost": 1, "disputes_resolved": 2}, SolvencyFactor.DISPUTES_LOST, (50, 5, "solvency.disputes_lost.fair")),
        ({"open_amount": 1_000, "credit_limit": 1_000}, SolvencyFactor.EXPOSURE, (100, 10, "solvency.exposure.fair")),
        ({"open_amount": 9_000, "credit_limit": 1_000}, SolvencyFactor.EXPOSURE, (900, 0, "solvency.exposure.poor")),
    ],
)
def test_a_factor_shows_its_value_its_points_and_why(changed: dict[str, Any], factor: SolvencyFactor, expected: tuple[Any, ...]) -> None:
    assert of(score_solvency(PaymentBehaviour(**changed)), factor) == expected


def test_the_best_and_the_worst_reach_the_ends() -> None:
    worst = {
        "days_late": [60, 60, 99, 99],
        "promises_broken": 1,
        "disputes_lost": 1,
        "disputes_resolved": 1,
        "open_amount": 2,
        "credit_limit": 1,
    }
    assert score_solvency(PaymentBehaviour(**worst)).total == 0
    assert score_solvency(PaymentBehaviour(**GOOD)).total == 92, "a steady payer's trend is neither good nor bad"


@given(
    days=st.lists(st.integers(-50, 400)),
    kept=st.integers(0, 9),
    broken=st.integers(0, 9),
    lost=st.integers(0, 4),
    won=st.integers(0, 4),
    owed=st.integers(0, 10**9),
    limit=st.none() | st.integers(0, 10**9),
)
def test_a_score_is_the_sum_of_its_factors_and_between_0_and_100(
    days: list[int], kept: int, broken: int, lost: int, won: int, owed: int, limit: int | None
) -> None:
    seen = score_solvency(
        PaymentBehaviour(
            days_late=days,
            promises_kept=kept,
            promises_broken=broken,
            disputes_lost=lost,
            disputes_resolved=lost + won,
            open_amount=owed,
            credit_limit=limit,
        )
    )
    assert 0 <= seen.total <= 100
    assert seen.total == round(sum(factor.points for factor in seen.factors))
    assert all(0 <= factor.points <= factor.weight for factor in seen.factors)
