from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.payment_plan.instalments import DebtPortion, InstalmentFrequency, InstalmentSchedule, InstalmentTerms, terms_rejection_reason
from domain.policy.plan_rules import PlanRules

TODAY = date(2013, 3, 1)


def terms(**changes: Any) -> InstalmentTerms:
    return InstalmentTerms.model_validate({"first_on": date(2013, 3, 31), "equal": 3} | changes)


def custom(*amounts: int) -> InstalmentTerms:
    days = [TODAY + timedelta(30 * number) for number in range(1, len(amounts) + 1)]
    return InstalmentTerms(
        first_on=days[0], custom=[DebtPortion(due_on=day, amount=amount) for day, amount in zip(days, amounts, strict=True)]
    )


debts = st.integers(min_value=1_000, max_value=10_000_000)
any_terms = st.builds(
    terms,
    equal=st.integers(1, 24),
    rhythm=st.sampled_from(InstalmentFrequency),
    first_payment=st.integers(0, 500),
    interest_percent=st.decimals(0, 30, places=2),
)


def test_units_that_do_not_divide_evenly_come_with_the_first_instalments() -> None:
    assert [portion.amount for portion in terms().split_debt(10_001)] == [3334, 3334, 3333]


def test_the_last_of_a_month_is_the_last_of_a_shorter_one_and_moves_none_after_it() -> None:
    days = [portion.due_on for portion in terms(first_on=date(2013, 1, 31), equal=4).split_debt(4_000)]
    assert days == [date(2013, 1, 31), date(2013, 2, 28), date(2013, 3, 31), date(2013, 4, 30)]


def test_a_first_payment_goes_ahead_of_the_equal_parts() -> None:
    portions = terms(first_payment=4_000, equal=2, rhythm=InstalmentFrequency.WEEKLY).split_debt(10_000)
    assert [(portion.due_on.day, portion.due_on.month, portion.amount) for portion in portions] == [
        (31, 3, 4_000),
        (7, 4, 3_000),
        (14, 4, 3_000),
    ]


def test_interest_is_simple_actual_365_on_what_is_still_owed() -> None:
    schedule = InstalmentSchedule.from_terms(terms(first_on=date(2013, 3, 31), equal=2, interest_percent=Decimal("7.3")), 100_000, TODAY)
    assert [one.interest for one in schedule.instalments] == [600, 300]


@given(any_terms, debts)
def test_instalments_add_up_to_debt_and_rounded_interest(given_terms: InstalmentTerms, debt: int) -> None:
    schedule = InstalmentSchedule.from_terms(given_terms, debt, TODAY)
    owed, last, exact = debt, TODAY, Decimal(0)
    for one in schedule.instalments:
        exact += given_terms.interest_percent * owed * (one.due_on - last).days / 36_500
        owed, last = owed - one.principal, one.due_on
    assert owed == 0
    assert abs(schedule.interest - exact) <= Decimal("0.51")
    assert schedule.total == debt + schedule.interest
    assert all(one.interest >= 0 for one in schedule.instalments)


@given(any_terms, debts, st.integers(0, 12_000_000))
def test_money_pays_the_oldest_instalment_first_and_none_twice(given_terms: InstalmentTerms, debt: int, received: int) -> None:
    schedule = InstalmentSchedule.from_terms(given_terms, debt, TODAY)
    shares = schedule.paid_amounts(received)
    assert sum(shares) + schedule.surplus_amount(received) == received
    assert sum(shares) + schedule.outstanding_amount(received) == schedule.total
    open_ones = [one.number for one, share in zip(schedule.instalments, shares, strict=True) if share < one.amount]
    assert [one.number for one in schedule.unpaid_instalments(received)] == open_ones
    assert all(shares[number - 1] == 0 for number in open_ones[1:])


@given(any_terms, any_terms, debts, st.integers(0, 100), st.integers(0, 200))
def test_a_revision_owes_exactly_what_the_terms_before_it_left(
    first: InstalmentTerms, second: InstalmentTerms, debt: int, percent: int, days: int
) -> None:
    before, today = InstalmentSchedule.from_terms(first, debt, TODAY), TODAY + timedelta(days)
    received = before.total * percent // 100
    since, owed = before.compute_interest_state(received, today, TODAY)
    left = before.remaining_principal(received)
    if left < 1_000:
        return
    after = InstalmentSchedule.from_terms(second, left, since, received, before.paid_interest(received), owed)
    assert received == before.paid_interest(received) + debt - left
    assert after.principal == left
    assert after.total == received + left + after.interest
    assert all(one.interest >= 0 for one in after.instalments)
    earned_and_unpaid = sum(one.interest for one in before.instalments if one.due_on <= today) - before.paid_interest(received)
    assert after.interest >= earned_and_unpaid


def test_the_debt_does_not_grow_by_revising_it() -> None:
    before = InstalmentSchedule.from_terms(terms(equal=2, interest_percent=Decimal("7.3")), 100_000, TODAY)
    since, owed = before.compute_interest_state(50_600, date(2013, 4, 1), TODAY)
    again = InstalmentSchedule.from_terms(
        terms(first_on=date(2013, 4, 30), equal=1, interest_percent=Decimal("7.3")), 50_000, since, 50_600, 600, owed
    )
    assert again.total == before.total


@pytest.mark.parametrize(
    ("offered", "why"),
    [
        (terms(equal=13), "12 instalments at most"),
        (terms(interest_percent=Decimal("12.01")), "12 % interest"),
        (terms(first_on=date(2013, 2, 28)), "day has passed"),
        (terms(first_on=date(2014, 2, 28), equal=2), "up to 365 days"),
        (custom(5_000, 4_999), "add up to 9999"),
        (terms(first_payment=9_999, equal=2), "too small"),
        (InstalmentTerms(first_on=TODAY, custom=[DebtPortion(due_on=TODAY, amount=5_000)] * 2), "after the one before it"),
    ],
)
def test_terms_beyond_the_policy_are_refused_in_words(offered: InstalmentTerms, why: str) -> None:
    assert why in (terms_rejection_reason(offered, 10_000, TODAY, PlanRules()) or "")


def test_terms_within_the_policy_are_taken() -> None:
    assert terms_rejection_reason(terms(equal=12), 10_000, TODAY, PlanRules()) is None
    assert terms_rejection_reason(custom(6_000, 4_000), 10_000, TODAY, PlanRules()) is None


def test_terms_are_equal_or_custom_never_both_nor_neither() -> None:
    for wrong in ({"first_on": TODAY}, {"first_on": TODAY, "equal": 2, "custom": [{"due_on": TODAY, "amount": 1}]}):
        with pytest.raises(ValueError, match="either a number of equal instalments or the custom ones"):
            InstalmentTerms.model_validate(wrong)
