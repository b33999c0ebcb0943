"""What lists know of a credit review."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from domain.credit_review.commands import AbilityToPay, CollectionCourse, ReferralReason, WillingnessToPay


class CreditReviewSummary(BaseModel):
    """Why the account was referred, and the verdict: what comes after `segment` is there since there is one.

    `stopped`: insolvency holds every invoice. `limit` in minor units of `currency`. `conditions`: the id of the note that has them.
    `by`: who gave the verdict.
    """

    model_config = ConfigDict(frozen=True)

    reason: ReferralReason | None = None
    stopped: bool = False
    segment: str | None = None
    ability: AbilityToPay | None = None
    willingness: WillingnessToPay | None = None
    course: CollectionCourse | None = None
    insolvent: bool = False
    limit: int | None = None
    currency: str | None = None
    conditions: str | None = None
    next_review_on: date | None = None
    by: str | None = None
