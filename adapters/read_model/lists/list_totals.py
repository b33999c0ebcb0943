"""What all that match come to: how many they are and their sums by currency, as far as counting costs no more than a page may."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, func, select
from sqlmodel import Session

MAX_COUNTED = 10_000
"""Of how many rows a list says what they come to, where no index has the answer; of more it says that they are more."""


class CurrencyTotal(BaseModel):
    """In minor units of one currency. `due`: so much of `amount` is past due; 0 in lists that know no such thing."""

    model_config = ConfigDict(frozen=True)

    currency: str
    amount: int
    due: int = 0


class ListTotals(BaseModel):
    """`count` is MAX_COUNTED where there `is_more`; then the sums are unknown, and none."""

    model_config = ConfigDict(frozen=True)

    count: int
    is_more: bool = False
    sums: tuple[CurrencyTotal, ...] = ()

    @classmethod
    def add_up(cls, rows: Iterable[tuple[str, int, int, int]], is_limited: bool) -> "ListTotals":
        """`rows`: each currency with its count, amount and what of it is due. `is_limited`: more than MAX_COUNTED were not looked at."""
        known = sorted(rows)
        count = sum(row[1] for row in known)
        if is_limited and count > MAX_COUNTED:
            return cls(count=MAX_COUNTED, is_more=True)
        return cls(count=count, sums=tuple(CurrencyTotal(currency=row[0], amount=row[2], due=row[3]) for row in known))


def load_totals(session: Session, statement: Select[Any], is_limited: bool) -> ListTotals:
    """`statement` selects of all that match the columns currency, amount and due."""
    rows = (statement.limit(MAX_COUNTED + 1) if is_limited else statement).subquery()
    summed = select(
        rows.c.currency, func.count(), func.coalesce(func.sum(rows.c.amount), 0), func.coalesce(func.sum(rows.c.due), 0)
    ).group_by(rows.c.currency)
    return ListTotals.add_up(((row[0], row[1], int(row[2]), int(row[3])) for row in session.execute(summed)), is_limited)


def count_rows(session: Session, statement: Select[Any]) -> int:
    """How many rows the statement has, but no more than MAX_COUNTED + 1."""
    return session.scalar(select(func.count()).select_from(statement.limit(MAX_COUNTED + 1).subquery())) or 0
