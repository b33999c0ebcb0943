"""A collector's day in order: what waits for a person, ranked by how urgent its kind is, how much money hangs on it, and how late it is.

Each factor gives points, and the points are shown: urgency at most 50, money at most 30, lateness at most 20. Money of two currencies is
never compared: an amount weighs as much as the share of the portfolio's open invoices of its own currency that owe no more. So the
largest invoice in pounds weighs as much as the largest in euros, whatever a pound is worth today.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.money import Money


class Work(StrEnum):
    """What waits for a person. OTHER: a case awaits a role, and no better word is known for it."""

    CALL = "call"
    ESCALATION = "escalation"
    REFUSED_LETTER = "refused_letter"
    UNKNOWN_LETTER = "unknown_letter"
    NO_ADDRESS = "no_address"
    PROMISE_DUE = "promise_due"
    PROMISE_BROKEN = "promise_broken"
    APPROVAL = "approval"
    DISPUTE = "dispute"
    PLAN_RETURNED = "plan_returned"
    PLAN_MISSED = "plan_missed"
    OFFER_LAPSING = "offer_lapsing"
    SUSPENSION_RETURNED = "suspension_returned"
    WARNING_UNDELIVERED = "warning_undelivered"
    CREDIT_REVIEW = "credit_review"
    WRITE_OFF = "write_off"
    TIMELINE_END = "timeline_end"
    OTHER = "other"


URGENCY = {
    Work.PLAN_MISSED: 50,
    Work.PROMISE_BROKEN: 45,
    Work.WARNING_UNDELIVERED: 45,
    Work.PROMISE_DUE: 40,
    Work.ESCALATION: 40,
    Work.APPROVAL: 40,
    Work.PLAN_RETURNED: 35,
    Work.SUSPENSION_RETURNED: 35,
    Work.OFFER_LAPSING: 35,
    Work.NO_ADDRESS: 35,
    Work.REFUSED_LETTER: 30,
    Work.UNKNOWN_LETTER: 30,
    Work.DISPUTE: 30,
    Work.CREDIT_REVIEW: 30,
    Work.TIMELINE_END: 30,
    Work.CALL: 25,
    Work.WRITE_OFF: 20,
    Work.OTHER: 20,
}
"""What breaks by itself when nobody acts comes first; then what others wait for; then what stands still; then the day's routine."""

MOST_FOR_MONEY, MOST_FOR_LATENESS = 30, 20
UNKNOWN_WEIGHT = MOST_FOR_MONEY // 2
"""For an amount in a currency in which the portfolio has no open invoice to compare it with."""

DUE_TODAY = 4
"""Points of lateness for what is due today; each day later adds one, each day ahead takes one."""

OFFER_DAYS = 3
"""An offer to the customer is on the list for its last days: after them it lapses."""

BROKEN_DAYS = 7
"""A broken promise is on the list for so many days."""


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True)


class OpenCase(_Fact):
    """A case that is not over, as the read model shows it. `next_on` is the business date on which it goes on by itself; `lapses_on` the
    last one on which a plan may be revised, or its offer accepted."""

    kind: str
    waiting_for: str
    next_step: str | None = None
    next_on: date | None = None
    awaiting_role: str | None = None
    promised_by: date | None = None
    lapses_on: date | None = None


def work_of(case: OpenCase, today: date) -> Work | None:
    """What the case asks of a person on a business date; None when it goes on by itself."""
    match case.kind, case.waiting_for:
        case "approval", _:
            return Work.APPROVAL
        case "dispute", _ if case.awaiting_role:
            return Work.DISPUTE
        case "payment_plan", "author":
            return Work.PLAN_RETURNED
        case "payment_plan", "customer":
            near = case.lapses_on and case.lapses_on <= today + timedelta(days=OFFER_DAYS)
            return Work.OFFER_LAPSING if near else None
        case "payment_plan", _ if case.next_step == "grace_ends":
            return Work.PLAN_MISSED
        case "suspension", "requester":
            return Work.SUSPENSION_RETURNED
        case "suspension", "address":
            return Work.WARNING_UNDELIVERED
        case "credit_review", "verdict":
            return Work.CREDIT_REVIEW
        case "write_off", "decision":
            return Work.WRITE_OFF
        case "invoice", "decision":
            return Work.TIMELINE_END
        case "invoice", _ if case.promised_by and case.promised_by <= today:
            return Work.PROMISE_DUE
    return Work.OTHER if case.awaiting_role else None


def last_day(case: OpenCase, work: Work) -> date | None:
    """The last business date on which acting is in time. A plan with a missed instalment breaks on its next day."""
    if work is Work.PROMISE_DUE:
        return case.promised_by
    if work is Work.PLAN_MISSED and case.next_on:
        return case.next_on - timedelta(days=1)
    return case.lapses_on or case.next_on


def task_work(kind: str) -> Work:
    """What a task of a kind is on the list."""
    return next((work for work in Work if work == kind), Work.OTHER)


class Scales(_Fact):
    """Open balances of a portfolio's invoices in minor units, by currency, smallest first: all of them, or evenly spread quantiles."""

    balances: dict[str, list[int]] = Field(default_factory=dict)

    def percent(self, money: Money) -> int | None:
        """How many of a hundred open invoices of its currency owe no more; None when there is none to compare it with."""
        known = self.balances.get(money.currency)
        return 100 * bisect_right(known, money.minor) // len(known) if known else None


class Waiting(_Fact):
    """One thing that waits for a person. `id` makes it the same thing on the next page; `due_on` None: now, and no date says since when.

    `at_risk`: the money that hangs on it, one amount per currency.
    """

    id: str
    work: Work
    due_on: date | None
    at_risk: tuple[Money, ...] = ()


class Ranked(_Fact):
    """Where a thing stands, and by which points. `heaviest` is the amount at risk that weighs most, and `percent` what it weighs."""

    waiting: Waiting
    urgency: int
    money: int
    lateness: int
    days_late: int
    heaviest: Money | None
    percent: int | None

    @property
    def score(self) -> int:
        return self.urgency + self.money + self.lateness

    @property
    def place(self) -> tuple[int, str, str]:
        """What the list is ordered by. Of equals the one due first, then the id: the order is the same at every look."""
        return -self.score, (self.waiting.due_on or date.max).isoformat(), self.waiting.id


def rank(things: Iterable[Waiting], scales: Scales, today: date) -> list[Ranked]:
    """The list for a business date, what should be done first at its head."""
    return sorted((judge(each, scales, today) for each in things), key=lambda ranked: ranked.place)


def judge(waiting: Waiting, scales: Scales, today: date) -> Ranked:
    days_late = (today - waiting.due_on).days if waiting.due_on else 0
    weighed = sorted((_money_points(money, scales), money.minor, money.currency) for money in waiting.at_risk if money.minor > 0)
    points, minor, currency = weighed[-1] if weighed else (0, 0, "")
    heaviest = Money(minor=minor, currency=currency) if weighed else None
    return Ranked(
        waiting=waiting, urgency=URGENCY[waiting.work], money=points, lateness=min(max(DUE_TODAY + days_late, 0), MOST_FOR_LATENESS),
        days_late=max(days_late, 0), heaviest=heaviest, percent=scales.percent(heaviest) if heaviest else None,
    )  # fmt: skip


def _money_points(money: Money, scales: Scales) -> int:
    percent = scales.percent(money)
    return UNKNOWN_WEIGHT if percent is None else MOST_FOR_MONEY * percent // 100
