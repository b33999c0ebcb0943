"""What all customers owe by age, and what came in of late. Amounts in minor units; those of two currencies are never added."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.open_invoices import is_open_invoice
from adapters.database.tables import Account, Invoice, Payment
from adapters.read_model.accounts import AGE_LIMITS

PERIOD_DAYS = 30


class AgeFigure(BaseModel):
    """What is open of one age: how many invoices, and how much."""

    model_config = ConfigDict(frozen=True)

    invoices: int = 0
    balance: int = 0

    def plus(self, invoices: int, balance: int) -> "AgeFigure":
        return AgeFigure(invoices=self.invoices + invoices, balance=self.balance + balance)


class CurrencyFigures(BaseModel):
    """One currency's. `ages` as AGE_LIMITS has them, not yet due first. `collected`: what customers paid in the last PERIOD_DAYS days,
    today among them; `collected_before`: in as many days before. Payments that were taken back are in neither."""

    currency: str
    ages: list[AgeFigure]
    collected: int = 0
    collected_before: int = 0

    @property
    def open(self) -> AgeFigure:
        return _add_up(self.ages)

    @property
    def overdue(self) -> AgeFigure:
        return _add_up(self.ages[1:])


class CollectorFigures(BaseModel):
    """What the customers of one collector owe by currency, and how much of it is overdue; `collector` None: of nobody's customers."""

    collector: str | None
    accounts: int = 0
    open: dict[str, AgeFigure] = {}
    overdue: dict[str, AgeFigure] = {}


def load_currency_figures(session: Session, today: date) -> list[CurrencyFigures]:
    """By currency, those in which nothing is owed and nothing came in left out."""
    found: dict[str, list[AgeFigure]] = defaultdict(lambda: [AgeFigure()] * (len(AGE_LIMITS) + 1))
    owed = (
        select(col(Invoice.currency), col(Invoice.due_date), func.count(), func.sum(col(Invoice.open_balance)))
        .where(is_open_invoice())
        .group_by(col(Invoice.currency), col(Invoice.due_date))
    )
    for currency, due, count, balance in session.execute(owed):
        age = find_age(due, today)
        found[currency][age] = found[currency][age].plus(count, int(balance))
    late, before = (_load_collected(session, today - timedelta(days=PERIOD_DAYS * periods)) for periods in (0, 1))
    return [
        CurrencyFigures(currency=currency, ages=found[currency], collected=late.get(currency, 0), collected_before=before.get(currency, 0))
        for currency in sorted({*found, *late, *before})
    ]


def load_collector_figures(session: Session, today: date) -> list[CollectorFigures]:
    """By name; at the end the accounts that nobody has."""
    is_late = col(Invoice.due_date) < today
    owed = (
        select(col(Account.collector), col(Invoice.currency), is_late, func.count(), func.sum(col(Invoice.open_balance)))
        .join(Account, col(Account.id) == col(Invoice.account_id))
        .where(is_open_invoice())
        .group_by(col(Account.collector), col(Invoice.currency), is_late)
    )
    accounts = select(col(Account.collector), func.count()).group_by(col(Account.collector))
    found = {collector: CollectorFigures(collector=collector, accounts=count) for collector, count in session.execute(accounts)}
    for collector, currency, is_overdue, count, balance in session.execute(owed):
        row = found[collector]
        row.open[currency] = row.open.get(currency, AgeFigure()).plus(count, int(balance))
        if is_overdue:
            row.overdue[currency] = AgeFigure(invoices=count, balance=int(balance))
    return sorted(found.values(), key=lambda row: (row.collector is None, row.collector or ""))


def find_age(due: date, today: date) -> int:
    """Return the place among AGE_LIMITS of what is due on a day."""
    return sum((today - due).days > limit for limit in AGE_LIMITS)


def _load_collected(session: Session, until: date) -> dict[str, int]:
    """What came in within PERIOD_DAYS days, the last of which is `until`; by currency."""
    came = (
        select(col(Payment.currency), func.sum(col(Payment.amount)))
        .where(
            col(Payment.received_on) > until - timedelta(days=PERIOD_DAYS),
            col(Payment.received_on) <= until,
            col(Payment.reversed_on).is_(None),
        )
        .group_by(col(Payment.currency))
    )
    return {currency: int(amount) for currency, amount in session.execute(came)}


def _add_up(figures: Iterable[AgeFigure]) -> AgeFigure:
    total = AgeFigure()
    for each in figures:
        total = total.plus(each.invoices, each.balance)
    return total
