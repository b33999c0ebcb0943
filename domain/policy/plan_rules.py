"""A policy's rules for payment plans."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class PlanRules(BaseModel):
    """The limits of payment plans. Days are calendar days of business time.

    A standard value never changes: the policies that were pinned without it read it from here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    longest_days: int = Field(default=365, ge=1, le=3650, description="from the proposal to the last instalment")
    most_instalments: int = Field(default=12, ge=1, le=120, description="the first payment is one of them")
    highest_interest_percent: Decimal = Field(default=Decimal(12), ge=0, le=100, description="per year")
    grace_days: int = Field(default=5, ge=1, le=60, description="after a missed instalment, until the plan is broken")
    remind_days_before: int = Field(default=3, ge=0, le=60, description="each instalment is recalled so many days ahead; 0: on its day")
    offer_days: int = Field(default=14, ge=1, le=90, description="how long the customer has to accept")
    revision_days: int = Field(default=14, ge=1, le=90, description="how long a proposal that was sent back waits to be revised")
    most_broken: int = Field(default=3, ge=0, le=20, description="after so many broken plans of an account no further one is proposed")
