"""How solvent an account looks, 0 to 100, and why: each factor with its value, its weight and its points, none hidden."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

NEUTRAL_SCORE = 50
"""What a factor is worth, of 100, of which nothing is known."""


class SolvencyFactor(StrEnum):
    AVERAGE_DAYS_LATE = "average_days_late"
    TREND = "trend"
    PROMISES_KEPT = "promises_kept"
    DISPUTES_LOST = "disputes_lost"
    EXPOSURE = "exposure"


FACTOR_WEIGHTS = {
    SolvencyFactor.AVERAGE_DAYS_LATE: 35,
    SolvencyFactor.TREND: 15,
    SolvencyFactor.PROMISES_KEPT: 20,
    SolvencyFactor.DISPUTES_LOST: 10,
    SolvencyFactor.EXPOSURE: 20,
}
"""They add up to 100."""

_FACTOR_SCALES: dict[SolvencyFactor, tuple[float, float]] = {
    SolvencyFactor.AVERAGE_DAYS_LATE: (0, 60),
    SolvencyFactor.TREND: (-30, 30),
    SolvencyFactor.PROMISES_KEPT: (100, 0),
    SolvencyFactor.DISPUTES_LOST: (0, 100),
    SolvencyFactor.EXPOSURE: (50, 150),
}
"""The value that is worth 100, and the one that is worth nothing; between them, in proportion."""


class PaymentBehaviour(BaseModel):
    """What is known of how an account pays; None where nothing is.

    `days_late`: of each paid invoice, the oldest first; days after the due date, early payment counts as 0 late.
    `open_amount` and `credit_limit` in minor units of one currency.
    """

    model_config = ConfigDict(frozen=True)

    days_late: list[int] = Field(default_factory=list)
    promises_kept: int = Field(default=0, ge=0)
    promises_broken: int = Field(default=0, ge=0)
    disputes_lost: int = Field(default=0, ge=0, description="resolved against the customer")
    disputes_resolved: int = Field(default=0, ge=0)
    open_amount: int = Field(default=0, ge=0)
    credit_limit: int | None = None


class FactorScore(BaseModel):
    """`points` of at most `weight`. `sentence` is the key of the sentence that says why, in the console's phrases."""

    model_config = ConfigDict(frozen=True)

    factor: SolvencyFactor
    value: float | None
    weight: int
    points: float
    sentence: str


class SolvencyScore(BaseModel):
    model_config = ConfigDict(frozen=True)

    total: int
    factors: list[FactorScore]


def score_solvency(behaviour: PaymentBehaviour) -> SolvencyScore:
    """The account's score. A factor of which nothing is known counts half, and says so."""
    values = {
        SolvencyFactor.AVERAGE_DAYS_LATE: _average([max(days, 0) for days in behaviour.days_late]),
        SolvencyFactor.TREND: _trend([max(days, 0) for days in behaviour.days_late]),
        SolvencyFactor.PROMISES_KEPT: _percent(behaviour.promises_kept, behaviour.promises_kept + behaviour.promises_broken),
        SolvencyFactor.DISPUTES_LOST: _percent(behaviour.disputes_lost, behaviour.disputes_resolved),
        SolvencyFactor.EXPOSURE: _percent(behaviour.open_amount, behaviour.credit_limit or 0),
    }
    factors = [_score_factor(factor, value) for factor, value in values.items()]
    return SolvencyScore(total=round(sum(factor.points for factor in factors)), factors=factors)


def _score_factor(factor: SolvencyFactor, value: float | None) -> FactorScore:
    worth, sentence = (NEUTRAL_SCORE, "unknown") if value is None else _scale_value(factor, value)
    points = round(FACTOR_WEIGHTS[factor] * worth / 100, 2)
    return FactorScore(factor=factor, value=value, weight=FACTOR_WEIGHTS[factor], points=points, sentence=f"solvency.{factor}.{sentence}")


def _scale_value(factor: SolvencyFactor, value: float) -> tuple[float, str]:
    best, worst = _FACTOR_SCALES[factor]
    worth = min(max((value - worst) / (best - worst), 0), 1) * 100
    return worth, "good" if worth >= 70 else "fair" if worth >= 40 else "poor"


def _average(values: Sequence[int]) -> float | None:
    return round(sum(values) / len(values), 2) if values else None


def _trend(values: Sequence[int]) -> float | None:
    """By how many days the later half of the payments is later than the earlier half; None for fewer than four."""
    if len(values) < 4:
        return None
    half = len(values) // 2
    return round(sum(values[-half:]) / half - sum(values[:half]) / half, 2)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None
