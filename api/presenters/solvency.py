"""The solvency score in words: a sentence for every factor."""

from functools import lru_cache

import yaml
from babel.numbers import format_decimal
from pydantic import BaseModel, ConfigDict

from adapters.credit.solvency_query import AccountSolvency
from adapters.project import PROJECT
from api.presenters.phrases import phrases
from api.schemas.solvency import UNKNOWN, FactorOut, SolvencyOut
from domain.credit_review.solvency_score import Factor, FactorScore

SENTENCES = PROJECT / "api" / "presenters" / "solvency_sentences.yaml"


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
