"""When an account is referred to a credit analyst by rule, without anyone asking."""

from collections.abc import Mapping
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field

from domain.credit_review.commands import ReferralReason

LIMIT_GRACE_DAYS = 30
"""For so many days after a verdict its limit is not called exceeded: whoever set it knew what was owed."""


class LastCreditVerdict(BaseModel):
    """The last verdict on an account. `limit` in minor units of `currency`; None where the analyst set none."""

    model_config = ConfigDict(frozen=True)

    given_on: date
    limit: int | None = None
    currency: str | None = None
    insolvent: bool = False


class ReferralIndicators(BaseModel):
    """What the rules look at. `broken_promises` since the last verdict, on all invoices; `open_amounts` by currency, in minor units."""

    model_config = ConfigDict(frozen=True)

    broken_promises: int = 0
    open_amounts: Mapping[str, int] = Field(default_factory=dict)
    verdict: LastCreditVerdict | None = None
    awaits_verdict: bool = False


def list_referral_reasons(indicators: ReferralIndicators, most_broken: int, today: date) -> list[ReferralReason]:
    """The weightiest first; none for an account that owes nothing, awaits a verdict, or is stopped as insolvent.

    `most_broken` is the policy's: after so many broken promises no further one is accepted, and someone must look at the account.
    """
    if indicators.awaits_verdict or not any(amount > 0 for amount in indicators.open_amounts.values()):
        return []
    if indicators.verdict and indicators.verdict.insolvent:
        return []
    reasons = [ReferralReason.EXPOSURE_OVER_LIMIT] if _exceeds_limit(indicators, today) else []
    return [*reasons, ReferralReason.BROKEN_PROMISES] if indicators.broken_promises >= max(most_broken, 1) else reasons


def _exceeds_limit(indicators: ReferralIndicators, today: date) -> bool:
    verdict = indicators.verdict
    if verdict is None or verdict.limit is None or verdict.currency is None:
        return False
    return today - verdict.given_on > timedelta(LIMIT_GRACE_DAYS) and indicators.open_amounts.get(verdict.currency, 0) > verdict.limit
