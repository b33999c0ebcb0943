"""The solvency score in words: a sentence for every factor."""

from functools import lru_cache

import yaml
from babel.numbers import format_decimal
from pydantic import BaseModel, ConfigDict

from adapters.credit.solvency_query import AccountSolvency
from adapters.project import PROJECT
from api.presenters.phrases import load_phrases
from api.schemas.solvency import UNKNOWN_JUDGEMENT, FactorOut, SolvencyOut
from domain.credit_review.solvency_score import FactorScore, SolvencyFactor

SENTENCES_FILE = PROJECT / "api" / "presenters" / "solvency_sentences.yaml"


class SolvencySentences(BaseModel):
    """One language's. `known` and `unknown` have a sentence for each factor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    none: str
    judgements: dict[str, str]
    known: dict[SolvencyFactor, str]
    unknown: dict[SolvencyFactor, str]

    def render_factor(self, factor: FactorScore, locale: str) -> str:
        judgement = factor.sentence.rpartition(".")[2]
        if factor.value is None or judgement == UNKNOWN_JUDGEMENT:
            return self.unknown[factor.factor]
        value = format_decimal(factor.value, "#,##0.##", locale=locale)
        return self.known[factor.factor].format(value=value, judgement=self.judgements[judgement])


def present_solvency(solvency: AccountSolvency, language: str) -> SolvencyOut:
    words, locale = load_sentences(language), load_phrases(language).locale
    scored = solvency.solvency
    return SolvencyOut(
        account_id=solvency.account_id,
        score=scored.total if scored else None,
        sentence=None if scored else words.none,
        paid_invoices=len(solvency.record.days_late),
        factors=[
            FactorOut(factor=one.factor, value=one.value, weight=one.weight, points=one.points, sentence=words.render_factor(one, locale))
            for one in (scored.factors if scored else [])
        ],
    )


@lru_cache(maxsize=8)
def load_sentences(language: str) -> SolvencySentences:
    return SolvencySentences.model_validate(yaml.safe_load(SENTENCES_FILE.read_text(encoding="utf-8"))[language])
