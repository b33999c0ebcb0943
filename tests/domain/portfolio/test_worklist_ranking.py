"""What comes first on a person's day, and why."""

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.portfolio.worklist_ranking import (
    MAX_LATENESS_POINTS,
    MAX_MONEY_POINTS,
    QUANTILES,
    UNKNOWN_CURRENCY_POINTS,
    URGENCY_POINTS,
    BalanceDistribution,
    OpenCase,
    PendingWork,
    WorkKind,
    classify_case,
    classify_task,
    last_timely_day,
    rank_work,
    score_work,
)
from domain.roles import Role

TODAY = date(2013, 3, 1)
SCALES = BalanceDistribution(balances={"EUR": [1_000, 5_000, 20_000, 100_000], "JPY": [300_000, 2_000_000]})


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def waiting(id: str = "x", work: WorkKind = WorkKind.CALL, due: date | None = TODAY, *money: Money) -> PendingWork:
    return PendingWork(id=id, work=work, due_on=due, at_risk=money)


def case(kind: str, waiting_for: str, **more: Any) -> OpenCase:
    return OpenCase(kind=kind, waiting_for=waiting_for, **more)


def days(count: int) -> date:
    return TODAY + timedelta(days=count)


ASKS: list[tuple[OpenCase, WorkKind | None]] = [
    (case("approval", "collections_manager", awaiting_role="collections_manager"), WorkKind.APPROVAL),
    (case("dispute", "sales_ops", awaiting_role="sales_ops"), WorkKind.DISPUTE),
    (case("dispute", "approval"), None),
    (case("payment_plan", "author", lapses_on=days(9), awaiting_role="collector"), WorkKind.PLAN_RETURNED),
    (case("payment_plan", "customer", lapses_on=days(3), awaiting_role="collector"), WorkKind.OFFER_LAPSING),
    (case("payment_plan", "customer", lapses_on=days(4), awaiting_role="collector"), None),
    (case("payment_plan", "payment", next_step="grace_ends"), WorkKind.PLAN_MISSED),
    (case("payment_plan", "payment", next_step="instalment_due"), None),
    (case("suspension", "requester", awaiting_role="collector"), WorkKind.SUSPENSION_RETURNED),
    (case("suspension", "address", awaiting_role="collector"), WorkKind.WARNING_UNDELIVERED),
    (case("suspension", "time"), None),
    (case("credit_review", "verdict", awaiting_role="credit_analyst"), WorkKind.CREDIT_REVIEW),
    (case("write_off", "decision", awaiting_role="write_off_analyst"), WorkKind.WRITE_OFF),
    (case("invoice", "decision", awaiting_role="collections_manager"), WorkKind.TIMELINE_END),
    (case("invoice", "promise", promised_by=TODAY), WorkKind.PROMISE_DUE),
    (case("invoice", "promise", promised_by=days(1)), None),
    (case("invoice", "time"), None),
    (case("something_new", "somebody", awaiting_role="sales"), WorkKind.OTHER),
]


@pytest.mark.parametrize(
    ("asking", "work"), ASKS, ids=lambda value: f"{value.kind}-{value.waiting_for}" if isinstance(value, OpenCase) else ""
)
def test_each_state_of_a_case_asks_for_its_work_or_for_none(asking: OpenCase, work: WorkKind | None) -> None:
    assert classify_case(asking, TODAY) is work


@pytest.mark.parametrize("role", Role)
def test_no_case_that_awaits_a_role_is_left_off_the_list(role: Role) -> None:
    assert classify_case(case("some_kind", "anything", awaiting_role=role.value), TODAY) is WorkKind.OTHER


def test_every_work_has_its_urgency_and_none_outweighs_the_scale() -> None:
    assert URGENCY_POINTS.keys() == set(WorkKind)
    assert max(URGENCY_POINTS.values()) + MAX_MONEY_POINTS + MAX_LATENESS_POINTS == 100


def test_the_last_day_of_each_work_is_the_last_on_which_acting_is_in_time() -> None:
    assert last_timely_day(case("invoice", "promise", promised_by=TODAY, next_on=days(4)), WorkKind.PROMISE_DUE) == TODAY
    assert last_timely_day(case("payment_plan", "payment", next_step="grace_ends", next_on=days(2)), WorkKind.PLAN_MISSED) == days(1)
    assert last_timely_day(case("payment_plan", "author", lapses_on=days(9), next_on=days(3)), WorkKind.PLAN_RETURNED) == days(9)
    assert last_timely_day(case("approval", "x", next_on=days(5)), WorkKind.APPROVAL) == days(5)


def test_a_task_of_an_unknown_kind_is_still_work() -> None:
    assert (classify_task("call"), classify_task("something_new")) == (WorkKind.CALL, WorkKind.OTHER)


def test_more_money_of_the_same_currency_comes_first() -> None:
    listed = rank_work(
        [waiting("small", WorkKind.CALL, TODAY, eur(1_000)), waiting("large", WorkKind.CALL, TODAY, eur(100_000))], SCALES, TODAY
    )
    assert [each.waiting.id for each in listed] == ["large", "small"]


def test_what_is_later_comes_first_up_to_a_limit() -> None:
    points = [score_work(waiting("x", WorkKind.CALL, days(-late)), SCALES, TODAY).lateness for late in (-10, -1, 0, 1, 16, 200)]
    assert points == [0, 3, 4, 5, 20, 20]


def test_what_breaks_by_itself_comes_before_the_same_money_in_routine() -> None:
    listed = rank_work(
        [waiting("call", WorkKind.CALL, TODAY, eur(5_000)), waiting("plan", WorkKind.PLAN_MISSED, TODAY, eur(5_000))], SCALES, TODAY
    )
    assert [each.waiting.id for each in listed] == ["plan", "call"]


def test_amounts_weigh_by_their_place_among_invoices_of_their_own_currency() -> None:
    """A million yen are no more than the smallest euro invoice, where other yen invoices are larger still."""
    euros, yen = score_work(waiting("e", WorkKind.CALL, TODAY, eur(100_000)), SCALES, TODAY), Money(minor=1_000_000, currency="JPY")
    weighed = score_work(waiting("y", WorkKind.CALL, TODAY, yen), SCALES, TODAY)
    assert (euros.percent, euros.money) == (100, 30)
    assert (weighed.percent, weighed.money) == (50, 15)


def test_of_several_currencies_the_one_that_weighs_most_counts_and_nothing_is_added() -> None:
    judged = score_work(waiting("x", WorkKind.CALL, TODAY, eur(20_000), Money(minor=2_000_000, currency="JPY")), SCALES, TODAY)
    assert (judged.heaviest, judged.money) == (Money(minor=2_000_000, currency="JPY"), 30)


def test_an_amount_that_cannot_be_compared_counts_half() -> None:
    judged = score_work(waiting("x", WorkKind.CALL, TODAY, Money(minor=5, currency="GBP")), SCALES, TODAY)
    assert (judged.money, judged.percent) == (UNKNOWN_CURRENCY_POINTS, None)


def test_without_money_or_date_a_thing_still_has_its_place() -> None:
    judged = score_work(waiting("x", WorkKind.WRITE_OFF, None), SCALES, TODAY)
    assert (judged.score, judged.days_late, judged.heaviest) == (URGENCY_POINTS[WorkKind.WRITE_OFF] + 4, 0, None)


things = st.builds(
    PendingWork,
    id=st.uuids().map(str),
    work=st.sampled_from(WorkKind),
    due_on=st.none() | st.dates(date(2012, 1, 1), date(2014, 1, 1)),
    at_risk=st.lists(st.builds(Money, minor=st.integers(-100, 10**7), currency=st.sampled_from(["EUR", "JPY", "GBP"])), max_size=3).map(
        tuple
    ),
)


@given(st.lists(things, max_size=12, unique_by=lambda thing: thing.id), st.randoms())
def test_the_order_is_the_same_however_the_things_came(some: list[PendingWork], shuffling: Any) -> None:
    shuffled = list(some)
    shuffling.shuffle(shuffled)
    assert rank_work(shuffled, SCALES, TODAY) == rank_work(some, SCALES, TODAY)


@given(things)
def test_the_score_is_the_sum_of_the_points_that_are_shown_and_at_most_a_hundred(thing: PendingWork) -> None:
    judged = score_work(thing, SCALES, TODAY)
    assert judged.score == judged.urgency + judged.money + judged.lateness
    assert 0 <= judged.money <= MAX_MONEY_POINTS
    assert 0 <= judged.score <= 100


@given(st.integers(1, 10**7), st.integers(0, 10**7))
def test_more_money_never_weighs_less(minor: int, more: int) -> None:
    less = score_work(waiting("x", WorkKind.CALL, TODAY, eur(minor)), SCALES, TODAY)
    assert score_work(waiting("x", WorkKind.CALL, TODAY, eur(minor + more)), SCALES, TODAY).money >= less.money


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=450))
def test_many_balances_are_told_by_the_largest_of_each_hundredth_as_a_database_divides_them(balances: list[int]) -> None:
    tile = "SELECT balance, ntile(?) OVER (ORDER BY balance) AS tile FROM balances"
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE balances (balance)")
        database.executemany("INSERT INTO balances VALUES (?)", [(balance,) for balance in balances])
        largest = database.execute(f"SELECT max(balance) FROM ({tile}) GROUP BY tile ORDER BY tile", (QUANTILES,)).fetchall()
    assert BalanceDistribution.from_balances({"EUR": balances}).balances == {"EUR": [balance for (balance,) in largest]}
