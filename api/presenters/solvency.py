"""The solvency score in words: a sentence for every factor."""

from babel.numbers import format_decimal
from pydantic import BaseModel, ConfigDict

from adapters.credit.solvency_query import AccountSolvency
from adapters.i18n.shared_wording import SHARED_WORDING
from adapters.i18n.wording import WordingCatalogue, fill_placeholders
from adapters.shipped_files import PROJECT
from api.schemas.solvency import UNKNOWN_JUDGEMENT, FactorOut, SolvencyOut
from domain.credit_review.solvency_score import FactorScore, SolvencyFactor


class SolvencySentences(BaseModel):
    """One language's. `known` and `unknown` have a sentence for each factor; `improved` and `unchanged` take the place of the trend's when
    payments came earlier of late, or neither earlier nor later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    none: str
    judgements: dict[str, str]
    known: dict[SolvencyFactor, str]
    improved: str
    unchanged: str
    unknown: dict[SolvencyFactor, str]

    def render_factor(self, factor: FactorScore, locale: str) -> str:
        judgement = factor.sentence.rpartition(".")[2]
        if factor.value is None or judgement == UNKNOWN_JUDGEMENT:
            return self.unknown[factor.factor]
        sentence = self.known[factor.factor]
        if factor.factor is SolvencyFactor.TREND and factor.value <= 0:
            sentence = self.improved if factor.value else self.unchanged
        value = format_decimal(abs(factor.value), "#,##0.##", locale=locale)
        return fill_placeholders(sentence, {"value": value, "judgement": self.judgements[judgement]})


SOLVENCY_SENTENCES = WordingCatalogue(SolvencySentences, PROJECT / "api" / "presenters" / "solvency_sentences")


def present_solvency(solvency: AccountSolvency, language: str) -> SolvencyOut:
    words, locale = SOLVENCY_SENTENCES.load(language), SHARED_WORDING.load(language).locale
    scored = solvency.solvency
    return SolvencyOut(
        account_id=solvency.account_id,
        score=scored.total if scored else None,
        sentence=None if scored else words.none,
        paid_invoices=len(solvency.record.days_late),
        factors=[
            FactorOut(
                factor=factor.factor,
                value=factor.value,
                weight=factor.weight,
                points=factor.points,
                sentence=words.render_factor(factor, locale),
            )
            for factor in (scored.factors if scored else [])
        ],
    )
