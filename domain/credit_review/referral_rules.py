"""When an account is referred to a credit analyst by rule, without anyone asking."""

from collections.abc import Mapping
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field

from domain.credit_review.commands import Reason

QUIET_DAYS = 30
"""For so many days after a verdict its limit is not called exceeded: whoever set it knew what was owed."""


class StandingVerdict(BaseModel):
    """The last verdict on an account. `limit` in minor units of `currency`; None where the analyst set none."""

    model_config = ConfigDict(frozen=True)

    given_on: date
    limit: int | None = None
    currency: str | None = None
    insolvent: bool = False


class ReferralFacts(BaseModel):
    """What the rules look at. `broken_promises` since the last verdict, on all invoices; `open_amounts` by currency, in minor units."""

    model_config = ConfigDict(frozen=True)

    broken_promises: int = 0
    open_amounts: Mapping[str, int] = Field(default_factory=dict)
    verdict: StandingVerdict | None = None
    awaits_verdict: bool = False


def reasons_to_refer(facts: ReferralFacts, most_broken: int, today: date) -> list[Reason]:
    """The weightiest first; none for an account that owes nothing, awaits a verdict, or is stopped as insolvent.

    `most_broken` is the policy's: after so many broken promises no further one is accepted, and someone must look at the account.
    """
    if facts.awaits_verdict or not any(amount > 0 for amount in facts.open_amounts.values()):
        return []
    if facts.verdict and facts.verdict.insolvent:
        return []
    reasons = [Reason.EXPOSURE_OVER_LIMIT] if _over_limit(facts, today) else []
    return [*reasons, Reason.BROKEN_PROMISES] if facts.broken_promises >= max(most_broken, 1) else reasons


def _over_limit(facts: ReferralFacts, today: date) -> bool:
    verdict = facts.verdict
    if verdict is None or verdict.limit is None or verdict.currency is None:
        return False
    return today - verdict.given_on > timedelta(QUIET_DAYS) and facts.open_amounts.get(verdict.currency, 0) > verdict.limit
