"""What was collected in a month: the money that customers paid on what was overdue when it came in, and the rows behind it.

A payment counts in the month in which it came in, with so much of it as invoices have that were past due on that day. What was taken back
since counts nowhere; credit notes and write-offs are no money. A customer's payments are those of whoever looks after the customer now.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Account, Allocation, Invoice, Payment
from adapters.read_model.cursors import decode_cursor, paginate_rows

MONTHS_SHOWN = 4
"""The month under way, and those before it."""


class CollectedKey(NamedTuple):
    """`collector`: None of customers whom nobody has."""

    month: date
    currency: str
    collector: str | None


class CollectedPart(BaseModel):
    """So much of a payment as an overdue invoice got. Amounts in minor units."""

    model_config = ConfigDict(frozen=True)

    payment_id: str
    received_on: date
    reference: str
    account_id: str
    account_name: str
    invoice_id: str
    invoice_number: str
    due_date: date
    currency: str
    amount: int


def begin_month(day: date) -> date:
    return day.replace(day=1)


def list_months(today: date) -> list[date]:
    """The first days of the months that are shown, the one under way first."""
    months = [begin_month(today)]
    while len(months) < MONTHS_SHOWN:
        months.append(begin_month(months[-1] - timedelta(days=1)))
    return months


def find_month_end(month: date) -> date:
    """The first day of the month after it."""
    return begin_month(month + timedelta(days=31))


def load_collected(session: Session, today: date) -> dict[CollectedKey, int]:
    """In minor units, of the months that are shown. Payments are found by their days: of older ones nothing is read."""
    sums = select(col(Payment.received_on), col(Payment.currency), col(Account.collector), func.sum(col(Allocation.amount)))
    grouped = _join_overdue(sums, list_months(today)[-1], find_month_end(today)).group_by(
        col(Payment.received_on), col(Payment.currency), col(Account.collector)
    )
    found: dict[CollectedKey, int] = defaultdict(int)
    for received_on, currency, collector, amount in session.execute(grouped):
        found[CollectedKey(begin_month(received_on), currency, collector)] += int(amount)
    return dict(found)


def sum_collected(collected: Mapping[CollectedKey, int]) -> dict[tuple[date, str], int]:
    """Of all collectors together, by month and currency."""
    sums: dict[tuple[date, str], int] = defaultdict(int)
    for key, amount in collected.items():
        sums[key.month, key.currency] += amount
    return dict(sums)


def list_collected(
    database: Database, month: date, currency: str, collector: str | None, limit: int, cursor: str | None
) -> tuple[list[CollectedPart], str | None]:
    """The parts of a month's payments, the latest first, without those that were taken back whole. `collector`: of whose customers; None
    for all."""
    amount = func.sum(col(Allocation.amount))
    told_apart = (col(Payment.received_on), col(Payment.id), col(Invoice.id))
    columns = (Payment.reference, Account.id, Account.name, Invoice.number, Invoice.due_date)
    statement = (
        _join_overdue(select(*told_apart, *map(col, columns), amount), month, find_month_end(month))
        .where(col(Payment.currency) == currency)
        .group_by(*told_apart, *map(col, columns))
        .having(amount != 0)
        .order_by(*(column.desc() for column in told_apart))
        .limit(limit + 1)
    )
    if collector is not None:
        statement = statement.where(col(Account.collector) == collector)
    if place := decode_cursor(cursor, date, str, str):
        received_on, payment_id, invoice_id = place
        day, payment, invoice = told_apart
        statement = statement.where(
            (day < received_on) | ((day == received_on) & ((payment < payment_id) | ((payment == payment_id) & (invoice < invoice_id))))
        )
    with database.reading() as session:
        rows = session.execute(statement).all()
    shown, following = paginate_rows(rows, limit, lambda row: (row[0].isoformat(), row[1], row[2]))
    return [_build_part(row, currency) for row in shown], following


def _join_overdue(statement: Any, first_day: date, end: date) -> Any:
    """What payments of these days gave to invoices that were past due on the day on which the payment came in; `end` is not one of them."""
    return (
        statement.select_from(Payment)
        .join(Allocation, col(Allocation.payment_id) == col(Payment.id))
        .join(Invoice, col(Invoice.id) == col(Allocation.invoice_id))
        .join(Account, col(Account.id) == col(Payment.account_id))
        .where(col(Payment.received_on) >= first_day, col(Payment.received_on) < end)
        .where(col(Invoice.due_date) < col(Payment.received_on))
    )


def _build_part(row: Any, currency: str) -> CollectedPart:
    received_on, payment_id, invoice_id, reference, account_id, account_name, number, due_date, amount = row
    return CollectedPart(
        payment_id=payment_id,
        received_on=received_on,
        reference=reference,
        account_id=account_id,
        account_name=account_name,
        invoice_id=invoice_id,
        invoice_number=number,
        due_date=due_date,
        currency=currency,
        amount=int(amount),
    )
