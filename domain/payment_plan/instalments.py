"""Instalments: the dates and amounts of a payment plan, its interest, and which of them the money received has paid.

Amounts are whole minor units of the plan's one currency. What is rounded is rounded so that the parts add up to the whole.
"""

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.policy.plan_rules import PlanRules
from domain.refusal import Refusal

DAYS_PER_YEAR = 365


class _FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class InstalmentFrequency(StrEnum):
    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    MONTHLY = "monthly"


class DebtPortion(_FrozenModel):
    """So much of the debt, on a day."""

    due_on: date
    amount: int = Field(gt=0)


class InstalmentTerms(_FrozenModel):
    """How a debt is to be paid off: in `equal` parts from `first_on`, or in the `custom` portions; a first payment goes ahead of either.

    Equal means equal parts of the debt. Interest (per cent a year, simple, actual/365) comes on top of each part, and falls with the debt.
    """

    first_on: date
    equal: int | None = Field(default=None, ge=1)
    rhythm: InstalmentFrequency = InstalmentFrequency.MONTHLY
    custom: list[DebtPortion] = Field(default_factory=list)
    first_payment: int = Field(default=0, ge=0, description="due on first_on; the equal parts then begin one rhythm later")
    interest_percent: Decimal = Field(default=Decimal(0), ge=0)

    @model_validator(mode="after")
    def _require_equal_or_custom(self) -> Self:
        if (self.equal is None) == (not self.custom):
            raise ValueError("name either a number of equal instalments or the custom ones")
        return self

    def split_debt(self, debt: int) -> list[DebtPortion]:
        """How the debt is split. The units that do not divide evenly come one each with the first of the equal parts."""
        ahead = [DebtPortion(due_on=self.first_on, amount=self.first_payment)] if self.first_payment else []
        if self.equal is None:
            return [*ahead, *self.custom]
        each, odd = divmod(debt - self.first_payment, self.equal)
        amounts = [each + (number < odd) for number in range(self.equal)]
        return [
            *ahead,
            *(DebtPortion(due_on=self._compute_due_date(number + len(ahead)), amount=amount) for number, amount in enumerate(amounts)),
        ]

    def count_instalments(self) -> int:
        return (self.equal or len(self.custom)) + bool(self.first_payment)

    def _compute_due_date(self, number: int) -> date:
        """The 31st of a month becomes the last day of a shorter one, without moving those after it."""
        match self.rhythm:
            case InstalmentFrequency.WEEKLY:
                return self.first_on + timedelta(weeks=number)
            case InstalmentFrequency.FORTNIGHTLY:
                return self.first_on + timedelta(weeks=2 * number)
            case InstalmentFrequency.MONTHLY:
                years, month = divmod(self.first_on.month - 1 + number, 12)
                year = self.first_on.year + years
                return date(year, month + 1, min(self.first_on.day, monthrange(year, month + 1)[1]))


def terms_rejection_reason(terms: InstalmentTerms, debt: int, today: date, rules: PlanRules) -> Refusal | None:
    """Why a debt (minor units) cannot be paid off so, in words; None when it can."""
    if terms.count_instalments() > rules.most_instalments:
        return Refusal("terms.too_many", "the policy allows {most} instalments at most", most=rules.most_instalments)
    if terms.interest_percent > rules.highest_interest_percent:
        return Refusal("terms.interest", "the policy allows {percent} % interest a year at most", percent=rules.highest_interest_percent)
    if terms.equal is not None and debt - terms.first_payment < terms.equal:
        return Refusal("terms.too_small", "the debt is too small for so many instalments")
    portions = terms.split_debt(debt)
    days = [portion.due_on for portion in portions]
    if days[0] < today:
        return Refusal("terms.first_day_passed", "the first instalment's day has passed")
    if any(later <= earlier for earlier, later in pairwise(days)):
        return Refusal("terms.order", "each instalment must fall after the one before it")
    if (days[-1] - today).days > rules.longest_days:
        return Refusal("terms.too_long", "the policy allows plans of up to {days} days", days=rules.longest_days)
    total = sum(portion.amount for portion in portions)
    if total != debt:
        return Refusal("terms.sum", "the instalments add up to {total} minor units, but the debt is {debt}", total=total, debt=debt)
    return None


class Instalment(_FrozenModel):
    """One part to pay: of the debt, and the interest on what was still owed since the instalment before it."""

    number: int
    due_on: date
    principal: int
    interest: int = 0

    @property
    def amount(self) -> int:
        return self.principal + self.interest


class InstalmentSchedule(_FrozenModel):
    """The instalments of one revision of a plan.

    `paid_before` is what the plan had received when the revision was made, `interest_before` the part of it that was interest.
    """

    instalments: tuple[Instalment, ...]
    paid_before: int = 0
    interest_before: int = 0

    @classmethod
    def from_terms(
        cls, terms: InstalmentTerms, debt: int, since: date, paid_before: int = 0, interest_before: int = 0, interest_owed: int = 0
    ) -> "InstalmentSchedule":
        """`since` is the day from which interest runs; `interest_owed` is what earlier instalments left, due with the first one."""
        instalments: list[Instalment] = []
        owed, last, accrued, charged = debt, since, Fraction(0), 0
        for number, portion in enumerate(terms.split_debt(debt), 1):
            days = max((portion.due_on - last).days, 0)
            accrued += Fraction(terms.interest_percent) * owed * days / (100 * DAYS_PER_YEAR)
            interest = _round_half_up(accrued) - charged
            charged += interest
            extra = max(interest_owed, -interest) if number == 1 else 0
            instalments.append(Instalment(number=number, due_on=portion.due_on, principal=portion.amount, interest=interest + extra))
            owed, last = owed - portion.amount, max(portion.due_on, last)
        return cls(instalments=tuple(instalments), paid_before=paid_before, interest_before=interest_before)

    @property
    def total(self) -> int:
        """What the plan comes to, with what was paid before this revision."""
        return self.paid_before + sum(instalment.amount for instalment in self.instalments)

    @property
    def principal(self) -> int:
        return sum(instalment.principal for instalment in self.instalments)

    @property
    def interest(self) -> int:
        return sum(instalment.interest for instalment in self.instalments)

    @property
    def last_day(self) -> date:
        return self.instalments[-1].due_on

    def paid_amounts(self, received: int) -> list[int]:
        """How much of each instalment the money received pays, the oldest first. `received` counts from the plan's beginning.

        A payment from before this revision that is taken back is missing from the first instalments.
        """
        left, shares = max(received - self.paid_before, 0), []
        for instalment in self.instalments:
            share = min(left, instalment.amount)
            shares.append(share)
            left -= share
        return shares

    def outstanding_amount(self, received: int) -> int:
        return max(self.total - received, 0)

    def surplus_amount(self, received: int) -> int:
        """Money beyond the plan's total."""
        return max(received - self.total, 0)

    def unpaid_instalments(self, received: int) -> list[Instalment]:
        """The instalments that are not paid in full, oldest first. One that was due nothing is paid once all before it are."""
        needed, open_ones = self.paid_before, []
        for instalment in self.instalments:
            needed += instalment.amount
            if received < needed:
                open_ones.append(instalment)
        return open_ones

    def remaining_principal(self, received: int) -> int:
        """The debt still owed. A payment pays an instalment's interest before its principal."""
        hole = max(self.paid_before - received, 0)
        shares = zip(self.instalments, self.paid_amounts(received), strict=True)
        return hole + sum(instalment.principal - max(share - instalment.interest, 0) for instalment, share in shares)

    def paid_interest(self, received: int) -> int:
        """The interest that the plan has received since its beginning."""
        shares = zip(self.instalments, self.paid_amounts(received), strict=True)
        return self.interest_before + sum(min(share, instalment.interest) for instalment, share in shares)

    def cumulative_interest(self, number: int) -> int:
        """The interest that the plan comes to with that instalment, from its beginning."""
        return self.interest_before + sum(instalment.interest for instalment in self.instalments if instalment.number <= number)

    def compute_interest_state(self, received: int, today: date, since: date) -> tuple[date, int]:
        """From which day interest runs on if the plan is revised today, and how much was earned but not paid (negative: paid ahead).

        Interest of instalments that have fallen due, or were paid in full ahead of their day, is settled; the rest starts there anew.
        """
        owed = 0
        for instalment, share in zip(self.instalments, self.paid_amounts(received), strict=True):
            interest_paid = min(share, instalment.interest)
            if instalment.due_on <= today or share == instalment.amount:
                since, owed = max(since, instalment.due_on), owed + instalment.interest - interest_paid
            else:
                owed -= interest_paid
        return since, owed


def _round_half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))
