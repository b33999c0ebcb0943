"""What the API takes and answers about credit reviews."""

from datetime import date

from pydantic import Field

from api.schemas.amounts import Amount
from api.schemas.cases import CaseOut
from api.schemas.request_body import Day, RequestBody, example_config
from domain.credit_review.commands import AbilityToPay, ReferralReason, WillingnessToPay


class ReferralIn(RequestBody):
    model_config = example_config(reason="collector", comment="Two branches were closed this month.")

    reason: ReferralReason = ReferralReason.COLLECTOR
    comment: str = Field(default="", max_length=10_000)


class VerdictIn(RequestBody):
    """Whether the account can pay, and wants to; how it is collected from now on follows. Insolvency stops everything."""

    model_config = example_config(
        ability="unable",
        willingness="willing",
        limit={"amount": "5000.00", "currency": "EUR"},
        next_review_on="2013-06-03",
        conditions="Prepayment for new orders.",
    )

    ability: AbilityToPay
    willingness: WillingnessToPay
    insolvent: bool = False
    limit: Amount | None = Field(default=None, description="the credit limit; as it was when left out")
    conditions: str = Field(default="", max_length=10_000)
    segment: str | None = Field(default=None, min_length=1, max_length=100, description="whose policy applies from now on")
    next_review_on: Day | None = Field(default=None, description="needed unless the account is collected gently")


class CreditReviewOut(CaseOut):
    """`course`: how the account is collected since the verdict."""

    reason: str | None
    ability: str | None
    willingness: str | None
    insolvent: bool
    course: str | None
    limit: Amount | None
    conditions: str | None = Field(description="only where one review is read")
    segment: str | None
    next_review_on: date | None
    verdict_by: str | None
    stopped: bool = Field(description="insolvency holds every invoice")
