"""The ranking of a collector's worklist: by the urgency of each kind of work, the money at risk, and its lateness.

Each factor gives points, and the points are shown: urgency at most 50, money at most 30, lateness at most 20. Amounts of two currencies are
never compared: an amount weighs as much as the share of the portfolio's open invoices of its own currency that owe no more. So the largest
invoice in pounds weighs as much as the largest in euros, whatever the exchange rate.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from domain.identifiers import CaseKind
from domain.money import Money


class WorkKind(StrEnum):
    """The kinds of work that wait for a person. OTHER: a case awaits a role, and no kind of its own is defined."""

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
    UNREACHED_ROLE = "unreached_role"
    SET_ASIDE = "set_aside"
    UNREACHED_PERSON = "unreached_person"
    MOVED_INVOICE = "moved_invoice"
    CREDIT_TO_APPLY = "credit_to_apply"
    BOOKING_BY_HAND = "booking_by_hand"
    OTHER = "other"


URGENCY_POINTS = {
    WorkKind.PLAN_MISSED: 50,
    WorkKind.PROMISE_BROKEN: 45,
    WorkKind.WARNING_UNDELIVERED: 45,
    WorkKind.UNREACHED_ROLE: 45,
    WorkKind.SET_ASIDE: 45,
    WorkKind.UNREACHED_PERSON: 35,
    WorkKind.PROMISE_DUE: 40,
    WorkKind.ESCALATION: 40,
    WorkKind.APPROVAL: 40,
    WorkKind.PLAN_RETURNED: 35,
    WorkKind.SUSPENSION_RETURNED: 35,
    WorkKind.BOOKING_BY_HAND: 35,
    WorkKind.OFFER_LAPSING: 35,
    WorkKind.NO_ADDRESS: 35,
    WorkKind.REFUSED_LETTER: 30,
    WorkKind.UNKNOWN_LETTER: 30,
    WorkKind.DISPUTE: 30,
    WorkKind.CREDIT_REVIEW: 30,
    WorkKind.TIMELINE_END: 30,
    WorkKind.MOVED_INVOICE: 30,
    WorkKind.CALL: 25,
    WorkKind.CREDIT_TO_APPLY: 25,
    WorkKind.WRITE_OFF: 20,
    WorkKind.OTHER: 20,
}
"""First what fails by itself without action; then what others wait for; then what is blocked; then the day's routine."""

MAX_MONEY_POINTS, MAX_LATENESS_POINTS = 30, 20
UNKNOWN_CURRENCY_POINTS = MAX_MONEY_POINTS // 2
"""Points of an amount in a currency in which the portfolio has no open invoice to compare it with."""

DUE_TODAY_POINTS = 4
"""Points of lateness for work that is due today; each day later adds one, each day ahead takes one."""

OFFER_LISTED_DAYS = 3
"""The number of last days for which an offer to the customer is listed: after them it lapses."""

BROKEN_PROMISE_LISTED_DAYS = 7
"""The number of days for which a broken promise is listed."""


QUANTILES = 100
"""With so many evenly spread balances of a currency an amount is compared; with all of them, where there are fewer."""


class OpenCase(NamedTuple):
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
    """Return the work that a case needs from a person on a business date; None when it goes on by itself."""
    match case.kind, case.waiting_for:
        case CaseKind.APPROVAL, _:
            return WorkKind.APPROVAL
        case CaseKind.DISPUTE, _ if case.awaiting_role:
            return WorkKind.DISPUTE
        case CaseKind.PAYMENT_PLAN, "author":
            return WorkKind.PLAN_RETURNED
        case CaseKind.PAYMENT_PLAN, "customer":
            lapses_soon = case.lapses_on and case.lapses_on <= today + timedelta(days=OFFER_LISTED_DAYS)
            return WorkKind.OFFER_LAPSING if lapses_soon else None
        case CaseKind.PAYMENT_PLAN, _ if case.next_step == "grace_ends":
            return WorkKind.PLAN_MISSED
        case CaseKind.SUSPENSION, "requester":
            return WorkKind.SUSPENSION_RETURNED
        case CaseKind.SUSPENSION, "address":
            return WorkKind.WARNING_UNDELIVERED
        case CaseKind.CREDIT_REVIEW, "verdict":
            return WorkKind.CREDIT_REVIEW
        case CaseKind.WRITE_OFF, "decision":
            return WorkKind.WRITE_OFF
        case CaseKind.INVOICE, "decision":
            return WorkKind.TIMELINE_END
        case CaseKind.INVOICE, _ if case.promised_by and case.promised_by <= today:
            return WorkKind.PROMISE_DUE
    return WorkKind.OTHER if case.awaiting_role else None


def last_timely_day(case: OpenCase, work: WorkKind) -> date | None:
    """Return the last business date on which action is in time. A plan with a missed instalment breaks on its next day."""
    if work is WorkKind.PROMISE_DUE:
        return case.promised_by
    if work is WorkKind.PLAN_MISSED and case.next_on:
        return case.next_on - timedelta(days=1)
    return case.lapses_on or case.next_on


_WORK_BY_NAME = {work.value: work for work in WorkKind}


def classify_task(kind: str) -> WorkKind:
    """Return the kind of work of a task."""
    return _WORK_BY_NAME.get(kind, WorkKind.OTHER)


class BalanceDistribution(BaseModel):
    """Open balances of a portfolio's invoices in minor units, by currency, smallest first: all of them, or evenly spread quantiles."""

    model_config = ConfigDict(frozen=True)

    balances: dict[str, list[int]] = Field(default_factory=dict)

    @classmethod
    def from_balances(cls, balances: Mapping[str, Sequence[int]]) -> "BalanceDistribution":
        """From the open balances of each currency, in any order."""
        return cls(balances={currency: _pick_quantiles(sorted(each)) for currency, each in balances.items()})

    def percentile(self, money: Money) -> int | None:
        """Return the percentage of open invoices of its currency that owe no more; None when there is none to compare it with."""
        balances = self.balances.get(money.currency)
        return 100 * bisect_right(balances, money.minor) // len(balances) if balances else None

    def share_below(self, money: Money) -> int | None:
        """Return the percentage of open invoices of its currency that owe less; None when there is none to compare it with."""
        balances = self.balances.get(money.currency)
        return 100 * bisect_left(balances, money.minor) // len(balances) if balances else None


class PendingWork(NamedTuple):
    """A piece of work that waits for a person. `id` stays the same on every page; `due_on` None: now, since no known date.

    `at_risk`: the money that depends on it, one amount per currency.
    """

    id: str
    work: WorkKind
    due_on: date | None
    at_risk: tuple[Money, ...] = ()


class RankedWork(NamedTuple):
    """Work with its points. `heaviest` is the amount at risk that weighs most, and `percent` its weight; `percent_below` of the open
    invoices owe less."""

    waiting: PendingWork
    urgency: int
    money: int
    lateness: int
    days_late: int
    heaviest: Money | None
    percent: int | None
    percent_below: int | None = None

    @property
    def score(self) -> int:
        """The sum of the points, at most 100."""
        return self.urgency + self.money + self.lateness

    @property
    def sort_key(self) -> tuple[int, str, str]:
        """The order of the list. Of equals the one due first, then the id: the order is the same at every read."""
        return -self.score, (self.waiting.due_on or date.max).isoformat(), self.waiting.id


def rank_work(pending: Iterable[PendingWork], distribution: BalanceDistribution, today: date) -> list[RankedWork]:
    """Rank the work of a business date, the most important first."""
    return sorted((score_work(work, distribution, today) for work in pending), key=lambda ranked: ranked.sort_key)


def score_work(pending: PendingWork, distribution: BalanceDistribution, today: date) -> RankedWork:
    """Score one piece of work on a business date."""
    days_late = (today - pending.due_on).days if pending.due_on else 0
    amounts = [money for money in pending.at_risk if money.minor > 0]
    heaviest = max(amounts, key=lambda money: (_compute_money_points(money, distribution), money.minor, money.currency), default=None)
    return RankedWork(
        waiting=pending,
        urgency=URGENCY_POINTS[pending.work],
        money=_compute_money_points(heaviest, distribution) if heaviest else 0,
        lateness=min(max(DUE_TODAY_POINTS + days_late, 0), MAX_LATENESS_POINTS),
        days_late=max(days_late, 0),
        heaviest=heaviest,
        percent=distribution.percentile(heaviest) if heaviest else None,
        percent_below=distribution.share_below(heaviest) if heaviest else None,
    )


def _compute_money_points(money: Money, distribution: BalanceDistribution) -> int:
    percent = distribution.percentile(money)
    return UNKNOWN_CURRENCY_POINTS if percent is None else MAX_MONEY_POINTS * percent // 100


def _pick_quantiles(balances: Sequence[int]) -> list[int]:
    """Return the largest of each hundredth, the hundredths as even as can be and the larger ones first."""
    size, left_over = divmod(len(balances), QUANTILES)
    sizes = [size + 1] * left_over + [size] * (QUANTILES - left_over if size else 0)
    return [balances[end - 1] for end in accumulate(sizes)]
