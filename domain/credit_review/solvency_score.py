"""How solvent an account looks, 0 to 100, and why: each factor with its value, its weight and its points, none hidden."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

NEUTRAL = 50
"""What a factor is worth, of 100, of which nothing is known."""


class Factor(StrEnum):
    AVERAGE_DAYS_LATE = "average_days_late"
    TREND = "trend"
    PROMISES_KEPT = "promises_kept"
    DISPUTES_LOST = "disputes_lost"
    EXPOSURE = "exposure"


WEIGHTS = {Factor.AVERAGE_DAYS_LATE: 35, Factor.TREND: 15, Factor.PROMISES_KEPT: 20, Factor.DISPUTES_LOST: 10, Factor.EXPOSURE: 20}
"""They add up to 100."""

_SCALES: dict[Factor, tuple[float, float]] = {
    Factor.AVERAGE_DAYS_LATE: (0, 60),
    Factor.TREND: (-30, 30),
    Factor.PROMISES_KEPT: (100, 0),
    Factor.DISPUTES_LOST: (0, 100),
    Factor.EXPOSURE: (50, 150),
}
"""The value that is worth 100, and the one that is worth nothing; between them, in proportion."""


class PaymentRecord(BaseModel):
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

    factor: Factor
    value: float | None
    weight: int
    points: float
    sentence: str


class Solvency(BaseModel):
    model_config = ConfigDict(frozen=True)

    total: int
    factors: list[FactorScore]


def score(record: PaymentRecord) -> Solvency:
    """The account's score. A factor of which nothing is known counts half, and says so."""
    values = {
        Factor.AVERAGE_DAYS_LATE: _average([max(days, 0) for days in record.days_late]),
        Factor.TREND: _trend([max(days, 0) for days in record.days_late]),
        Factor.PROMISES_KEPT: _percent(record.promises_kept, record.promises_kept + record.promises_broken),
        Factor.DISPUTES_LOST: _percent(record.disputes_lost, record.disputes_resolved),
        Factor.EXPOSURE: _percent(record.open_amount, record.credit_limit or 0),
    }
    factors = [_judge(factor, value) for factor, value in values.items()]
    return Solvency(total=round(sum(factor.points for factor in factors)), factors=factors)


def _judge(factor: Factor, value: float | None) -> FactorScore:
    worth, sentence = (NEUTRAL, "unknown") if value is None else _worth(factor, value)
    points = round(WEIGHTS[factor] * worth / 100, 2)
    return FactorScore(factor=factor, value=value, weight=WEIGHTS[factor], points=points, sentence=f"solvency.{factor}.{sentence}")


def _worth(factor: Factor, value: float) -> tuple[float, str]:
    best, worst = _SCALES[factor]
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
