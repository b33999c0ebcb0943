"""Promises to pay, and what became of them."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.clock import start_of_day
from domain.policy.collection_policy import PromiseRules


class PromiseOutcome(StrEnum):
    KEPT = "kept"
    PARTLY_KEPT = "partly_kept"
    BROKEN = "broken"


class Promise(BaseModel):
    """The customer's word to pay `amount` (minor units) by a date. `received` is what came since it was given."""

    model_config = ConfigDict(frozen=True)

    promise_id: str
    amount: int
    by: date
    first_made_on: date
    received: int = 0

    def with_payment(self, amount: int) -> "Promise":
        """After a payment; a reversed one counts negative."""
        return self.model_copy(update={"received": self.received + amount})

    def is_fulfilled(self, rules: PromiseRules) -> bool:
        """Paid in full, within the policy's tolerance."""
        return Decimal(self.received) * 100 >= Decimal(self.amount) * (100 - rules.tolerance_percent)

    def judged_at(self, rules: PromiseRules) -> datetime:
        """The business time at which its day and the days of grace are over."""
        return start_of_day(self.by + timedelta(days=rules.tolerance_days + 1))

    def determine_outcome(self, rules: PromiseRules) -> PromiseOutcome:
        if self.is_fulfilled(rules):
            return PromiseOutcome.KEPT
        return PromiseOutcome.PARTLY_KEPT if self.received > 0 else PromiseOutcome.BROKEN
