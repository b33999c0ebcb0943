"""The solvency score as the API gives it: every factor, and what it says in words."""

from pydantic import BaseModel, Field

from domain.credit_review.solvency_score import SolvencyFactor

UNKNOWN_JUDGEMENT = "unknown"


class FactorOut(BaseModel):
    """`value` is null where nothing is known: the factor then counts half of its weight, and the sentence says so."""

    factor: SolvencyFactor
    value: float | None = Field(description="days, or per cent")
    weight: int = Field(description="the most points it can give")
    points: float
    sentence: str


class SolvencyOut(BaseModel):
    """`score`, 0 to 100, is the sum of the points. It is null, and there are no factors, for an account of which nothing is known."""

    account_id: str
    score: int | None
    sentence: str | None = Field(description="why there is no score")
    paid_invoices: int = Field(description="in the last two years, on which the score rests")
    factors: list[FactorOut]
