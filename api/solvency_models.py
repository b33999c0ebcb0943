"""The solvency score as the API gives it: every factor, and what it says in words."""

from functools import lru_cache
from pathlib import Path

import yaml
from babel.numbers import format_decimal
from pydantic import BaseModel, ConfigDict, Field

from adapters.solvency import AccountSolvency
from api.phrases import phrases
from domain.solvency import Factor, FactorScore

SENTENCES = Path(__file__).parent / "solvency_sentences.yaml"
UNKNOWN = "unknown"


class SolvencySentences(BaseModel):
    """One language's. `known` and `unknown` have a sentence for each factor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    none: str
    judgements: dict[str, str]
    known: dict[Factor, str]
    unknown: dict[Factor, str]

    def say(self, factor: FactorScore, locale: str) -> str:
        judgement = factor.sentence.rpartition(".")[2]
        if factor.value is None or judgement == UNKNOWN:
            return self.unknown[factor.factor]
        value = format_decimal(factor.value, "#,##0.##", locale=locale)
        return self.known[factor.factor].format(value=value, judgement=self.judgements[judgement])


class FactorOut(BaseModel):
    """`value` is null where nothing is known: the factor then counts half of its weight, and the sentence says so."""

    factor: Factor
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


def solvency_out(read: AccountSolvency, language: str) -> SolvencyOut:
    words, locale = sentences(language), phrases(language).locale
    scored = read.solvency
    return SolvencyOut(
        account_id=read.account_id, score=scored.total if scored else None, sentence=None if scored else words.none,
        paid_invoices=len(read.record.days_late),
        factors=[
            FactorOut(factor=one.factor, value=one.value, weight=one.weight, points=one.points, sentence=words.say(one, locale))
            for one in (scored.factors if scored else [])
        ],
    )  # fmt: skip


@lru_cache(maxsize=8)
def sentences(language: str) -> SolvencySentences:
    return SolvencySentences.model_validate(yaml.safe_load(SENTENCES.read_text(encoding="utf-8"))[language])
