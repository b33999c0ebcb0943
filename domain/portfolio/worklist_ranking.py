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


class WorkKind(StrEnum):
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


URGENCY_POINTS = {
    WorkKind.PLAN_MISSED: 50,
    WorkKind.PROMISE_BROKEN: 45,
    WorkKind.WARNING_UNDELIVERED: 45,
    WorkKind.PROMISE_DUE: 40,
    WorkKind.ESCALATION: 40,
    WorkKind.APPROVAL: 40,
    WorkKind.PLAN_RETURNED: 35,
    WorkKind.SUSPENSION_RETURNED: 35,
    WorkKind.OFFER_LAPSING: 35,
    WorkKind.NO_ADDRESS: 35,
    WorkKind.REFUSED_LETTER: 30,
    WorkKind.UNKNOWN_LETTER: 30,
    WorkKind.DISPUTE: 30,
    WorkKind.CREDIT_REVIEW: 30,
    WorkKind.TIMELINE_END: 30,
    WorkKind.CALL: 25,
    WorkKind.WRITE_OFF: 20,
    WorkKind.OTHER: 20,
}
"""What breaks by itself when nobody acts comes first; then what others wait for; then what stands still; then the day's routine."""

MAX_MONEY_POINTS, MAX_LATENESS_POINTS = 30, 20
UNKNOWN_CURRENCY_POINTS = MAX_MONEY_POINTS // 2
"""For an amount in a currency in which the portfolio has no open invoice to compare it with."""

DUE_TODAY_POINTS = 4
"""Points of lateness for what is due today; each day later adds one, each day ahead takes one."""

OFFER_LISTED_DAYS = 3
"""An offer to the customer is on the list for its last days: after them it lapses."""

BROKEN_PROMISE_LISTED_DAYS = 7
"""A broken promise is on the list for so many days."""


class _WorklistModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class OpenCase(_WorklistModel):
    """A case that is not over, as the read model shows it. `next_on` is the business date on which it goes on by itself; `lapses_on` the
    last one on which a plan may be revised, or its offer accepted."""

    kind: str
    waiting_for: str
    next_step: str | None = None
    next_on: date | None = None
    awaiting_role: str | None = None
    promised_by: date | None = None
    lapses_on: date | None = None


def classify_case(case: OpenCase, today: date) -> WorkKind | None:
    """What the case asks of a person on a business date; None when it goes on by itself."""
    match case.kind, case.waiting_for:
        case "approval", _:
            return WorkKind.APPROVAL
        case "dispute", _ if case.awaiting_role:
            return WorkKind.DISPUTE
        case "payment_plan", "author":
            return WorkKind.PLAN_RETURNED
        case "payment_plan", "customer":
            near = case.lapses_on and case.lapses_on <= today + timedelta(days=OFFER_LISTED_DAYS)
            return WorkKind.OFFER_LAPSING if near else None
        case "payment_plan", _ if case.next_step == "grace_ends":
            return WorkKind.PLAN_MISSED
        case "suspension", "requester":
            return WorkKind.SUSPENSION_RETURNED
        case "suspension", "address":
            return WorkKind.WARNING_UNDELIVERED
        case "credit_review", "verdict":
            return WorkKind.CREDIT_REVIEW
        case "write_off", "decision":
            return WorkKind.WRITE_OFF
        case "invoice", "decision":
            return WorkKind.TIMELINE_END
        case "invoice", _ if case.promised_by and case.promised_by <= today:
            return WorkKind.PROMISE_DUE
    return WorkKind.OTHER if case.awaiting_role else None


def last_timely_day(case: OpenCase, work: WorkKind) -> date | None:
    """The last business date on which acting is in time. A plan with a missed instalment breaks on its next day."""
    if work is WorkKind.PROMISE_DUE:
        return case.promised_by
    if work is WorkKind.PLAN_MISSED and case.next_on:
        return case.next_on - timedelta(days=1)
    return case.lapses_on or case.next_on


def classify_task(kind: str) -> WorkKind:
    """What a task of a kind is on the list."""
    return next((work for work in WorkKind if work == kind), WorkKind.OTHER)


class BalanceDistribution(_WorklistModel):
    """Open balances of a portfolio's invoices in minor units, by currency, smallest first: all of them, or evenly spread quantiles."""

    balances: dict[str, list[int]] = Field(default_factory=dict)

    def percentile(self, money: Money) -> int | None:
        """How many of a hundred open invoices of its currency owe no more; None when there is none to compare it with."""
        known = self.balances.get(money.currency)
        return 100 * bisect_right(known, money.minor) // len(known) if known else None


class PendingWork(_WorklistModel):
    """One thing that waits for a person. `id` makes it the same thing on the next page; `due_on` None: now, and no date says since when.

    `at_risk`: the money that hangs on it, one amount per currency.
    """

    id: str
    work: WorkKind
    due_on: date | None
    at_risk: tuple[Money, ...] = ()


class RankedWork(_WorklistModel):
    """Where a thing stands, and by which points. `heaviest` is the amount at risk that weighs most, and `percent` what it weighs."""

    waiting: PendingWork
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
    def sort_key(self) -> tuple[int, str, str]:
        """What the list is ordered by. Of equals the one due first, then the id: the order is the same at every look."""
        return -self.score, (self.waiting.due_on or date.max).isoformat(), self.waiting.id


def rank_work(pending: Iterable[PendingWork], distribution: BalanceDistribution, today: date) -> list[RankedWork]:
    """The list for a business date, what should be done first at its head."""
    return sorted((score_work(each, distribution, today) for each in pending), key=lambda ranked: ranked.sort_key)


def score_work(pending: PendingWork, distribution: BalanceDistribution, today: date) -> RankedWork:
    days_late = (today - pending.due_on).days if pending.due_on else 0
    weighed = sorted((_money_points(money, distribution), money.minor, money.currency) for money in pending.at_risk if money.minor > 0)
    points, minor, currency = weighed[-1] if weighed else (0, 0, "")
    heaviest = Money(minor=minor, currency=currency) if weighed else None
    return RankedWork(
        waiting=pending,
        urgency=URGENCY_POINTS[pending.work],
        money=points,
        lateness=min(max(DUE_TODAY_POINTS + days_late, 0), MAX_LATENESS_POINTS),
        days_late=max(days_late, 0),
        heaviest=heaviest,
        percent=distribution.percentile(heaviest) if heaviest else None,
    )


def _money_points(money: Money, distribution: BalanceDistribution) -> int:
    percent = distribution.percentile(money)
    return UNKNOWN_CURRENCY_POINTS if percent is None else MAX_MONEY_POINTS * percent // 100
