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


class PromiseShare(BaseModel):
    """The whole of a promise over several invoices, of which each has a part: `amount` in minor units, under one id."""

    model_config = ConfigDict(frozen=True)

    promise_id: str
    amount: int


class PromisePart(BaseModel):
    """What one invoice knows of its part of a promise, in minor units. `forgiven` is what nobody owes any more: the invoice was credited or
    cancelled."""

    model_config = ConfigDict(frozen=True)

    promise_id: str
    amount: int
    received: int
    forgiven: int = 0


class PromiseMoney(BaseModel):
    """What came of all parts of a promise, and what they were forgiven from, in minor units."""

    model_config = ConfigDict(frozen=True)

    received: int
    forgiven: int


class Promise(BaseModel):
    """The customer's word to pay `amount` (minor units) by a date. `received` is what came since it was given.

    With a `share`, it is one invoice's part of a promise over several: these are judged together, by the `money` that came for all of them.
    """

    model_config = ConfigDict(frozen=True)

    promise_id: str
    amount: int
    by: date
    first_made_on: date
    received: int = 0
    share: PromiseShare | None = None
    money: PromiseMoney | None = None

    def with_payment(self, amount: int) -> "Promise":
        """After a payment; a reversed one counts negative."""
        return self.model_copy(update={"received": self.received + amount})

    def is_fulfilled(self, rules: PromiseRules) -> bool:
        """Paid in full, within the policy's tolerance; a promise over several invoices only when all of its money came."""
        if self.share is None:
            return self.is_part_paid(rules)
        money = self.money or PromiseMoney(received=0, forgiven=0)
        return _is_within_tolerance(money.received, self.share.amount - money.forgiven, rules)

    def is_part_paid(self, rules: PromiseRules) -> bool:
        """This invoice's part is paid in full, within the policy's tolerance."""
        return _is_within_tolerance(self.received, self.amount, rules)

    def judged_at(self, rules: PromiseRules) -> datetime:
        """The business time at which its day and the days of grace are over."""
        return start_of_day(self.by + timedelta(days=rules.tolerance_days + 1))

    def determine_outcome(self, rules: PromiseRules) -> PromiseOutcome:
        if self.is_fulfilled(rules):
            return PromiseOutcome.KEPT
        received = self.money.received if self.money else self.received
        return PromiseOutcome.PARTLY_KEPT if received > 0 else PromiseOutcome.BROKEN


def _is_within_tolerance(received: int, amount: int, rules: PromiseRules) -> bool:
    return Decimal(received) * 100 >= Decimal(amount) * (100 - rules.tolerance_percent)
