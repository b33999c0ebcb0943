from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.invoice.promise import Promise, PromiseOutcome
from tests.domain.builders import DUE, build_policy, midnight

RULES = build_policy().promise
AMOUNTS = st.integers(1, 10**9)


def promise(amount: int = 10_000, received: int = 0) -> Promise:
    return Promise(promise_id="p", amount=amount, by=DUE, first_made_on=DUE - timedelta(days=5), received=received)


@pytest.mark.parametrize(
    ("received", "outcome"),
    [
        (10_000, PromiseOutcome.KEPT),
        (12_000, PromiseOutcome.KEPT),
        (9_800, PromiseOutcome.KEPT),
        (9_799, PromiseOutcome.PARTLY_KEPT),
        (1, PromiseOutcome.PARTLY_KEPT),
        (0, PromiseOutcome.BROKEN),
        (-50, PromiseOutcome.BROKEN),
    ],
)
def test_a_promise_is_kept_within_the_tolerance_partly_kept_or_broken(received: int, outcome: PromiseOutcome) -> None:
    assert promise(received=received).determine_outcome(RULES) is outcome


def test_a_promise_is_judged_when_its_day_and_the_days_of_grace_are_over() -> None:
    assert promise().judged_at(RULES) == midnight(3)


@given(AMOUNTS, st.lists(st.integers(-(10**6), 10**6), max_size=10))
def test_the_order_of_payments_and_reversals_makes_no_difference(amount: int, payments: list[int]) -> None:
    one, other = promise(amount), promise(amount)
    for payment in payments:
        one = one.with_payment(payment)
    for payment in sorted(payments):
        other = other.with_payment(payment)
    assert one == other
    assert one.received == sum(payments)


@given(AMOUNTS, st.integers(0, 10**9), st.integers(0, 10**6))
def test_more_money_never_makes_a_promise_worse(amount: int, received: int, more: int) -> None:
    order = [PromiseOutcome.BROKEN, PromiseOutcome.PARTLY_KEPT, PromiseOutcome.KEPT]
    assert order.index(promise(amount, received).determine_outcome(RULES)) <= order.index(
        promise(amount, received + more).determine_outcome(RULES)
    )
