"""A payment plan's terms as they stand, read off what is shown of it: a start for those who put forward other ones."""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

from domain.payment_plan.instalments import (
    DAYS_PER_YEAR,
    DebtPortion,
    InstalmentFrequency,
    InstalmentSchedule,
    InstalmentTerms,
)

RATE_PLACES = 3
"""An interest rate is looked for with so many decimals at most."""

_WEEK = 7


def list_owed_portions(schedule: InstalmentSchedule, received: int) -> list[DebtPortion]:
    """What of the debt is still to be paid with each instalment. `received` counts from the plan's beginning."""
    shares = zip(schedule.instalments, schedule.paid_amounts(received), strict=True)
    left = [(each.due_on, each.principal - max(share - each.interest, 0)) for each, share in shares]
    return [DebtPortion(due_on=due_on, amount=amount) for due_on, amount in left if amount > 0]


def guess_frequency(days: Sequence[date]) -> InstalmentFrequency:
    """The rhythm of these days; monthly, where they have none."""
    gaps = {(later - earlier).days for earlier, later in pairwise(days)}
    weekly = {_WEEK: InstalmentFrequency.WEEKLY, 2 * _WEEK: InstalmentFrequency.FORTNIGHTLY}
    return weekly.get(gaps.pop(), InstalmentFrequency.MONTHLY) if len(gaps) == 1 else InstalmentFrequency.MONTHLY


def find_interest_percent(schedule: InstalmentSchedule, since: date) -> Decimal:
    """The yearly rate by which the instalments have their interest, if it ran from `since` on: with the fewest decimals by which they come
    to the same; where none does, the nearest."""
    if not schedule.interest:
        return Decimal(0)
    owed, last, weight = schedule.principal, since, 0
    for each in schedule.instalments:
        weight += owed * max((each.due_on - last).days, 0)
        owed, last = owed - each.principal, max(each.due_on, last)
    if not weight:
        return Decimal(0)
    exact = Decimal(schedule.interest) * 100 * DAYS_PER_YEAR / weight
    rates = [exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) for places in range(RATE_PLACES + 1)]
    return next((rate for rate in rates if _is_rate_of(schedule, since, rate)), rates[-1])


def _is_rate_of(schedule: InstalmentSchedule, since: date, rate: Decimal) -> bool:
    portions = [DebtPortion(due_on=each.due_on, amount=each.principal) for each in schedule.instalments]
    terms = InstalmentTerms(first_on=portions[0].due_on, custom=portions, interest_percent=rate)
    computed = InstalmentSchedule.from_terms(terms, schedule.principal, since)
    return [each.interest for each in computed.instalments] == [each.interest for each in schedule.instalments]
