"""The invoices that an account's call is about."""

from collections.abc import Collection
from datetime import date
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.row_states import TaskState
from adapters.database.tables import CallRequest, Invoice
from adapters.database.written_values import write_value
from domain.money import Money


class CalledInvoice(BaseModel):
    """An invoice that asks, or asked, for the account's call. `open_balance` is in minor units of its currency; `due_date` is the
    invoice's, `call_on` the day from which its step wants the call."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    number: str
    currency: str
    open_balance: int
    due_date: date
    call_on: date


class CalledBalance(NamedTuple):
    """How many invoices a call is about, and what is open of them: one amount per currency, in order of the currencies' codes."""

    invoices: int
    amounts: tuple[Money, ...]


_IS_ASKED = col(CallRequest.state) != write_value(TaskState.DROPPED)
"""What was settled before the call was made is not called about."""

_INVOICE_COLUMNS = (col(Invoice.id), col(Invoice.number), col(Invoice.currency), col(Invoice.open_balance), col(Invoice.due_date))


def load_called_invoices(session: Session, task_ids: Collection[int]) -> dict[int, list[CalledInvoice]]:
    """Return the invoices of each call by its task, the oldest due first; those that were settled before it was made are left out."""
    if not task_ids:
        return {}
    statement = (
        select(col(CallRequest.task_id), col(CallRequest.due_on), *_INVOICE_COLUMNS)
        .join(Invoice, col(Invoice.id) == col(CallRequest.invoice_id))
        .where(col(CallRequest.task_id).in_(task_ids), _IS_ASKED)
        .order_by(col(Invoice.due_date), col(Invoice.id))
    )
    found: dict[int, dict[str, CalledInvoice]] = {}
    for row in session.execute(statement):
        called = CalledInvoice(
            invoice_id=row.id,
            number=row.number,
            currency=row.currency,
            open_balance=row.open_balance,
            due_date=row.due_date,
            call_on=row.due_on,
        )
        found.setdefault(row.task_id, {}).setdefault(row.id, called)
    return {task_id: list(called.values()) for task_id, called in found.items()}


def load_called_balances(session: Session, tasks: Any) -> dict[int, CalledBalance]:
    """Return what each call is about, by its task; `tasks` is the SELECT of their ids. The database sums up what would take long to be read
    one by one."""
    asked = select(col(CallRequest.task_id), col(CallRequest.invoice_id)).where(col(CallRequest.task_id).in_(tasks), _IS_ASKED)
    called = asked.distinct().subquery()
    sums = (
        select(called.c.task_id, col(Invoice.currency), func.count(), func.sum(col(Invoice.open_balance)))
        .join(Invoice, col(Invoice.id) == called.c.invoice_id)
        .group_by(called.c.task_id, col(Invoice.currency))
        .order_by(called.c.task_id, col(Invoice.currency))
    )
    found: dict[int, CalledBalance] = {}
    for task_id, currency, invoices, balance in session.execute(sums):
        known, amounts = found.get(task_id, CalledBalance(0, ()))
        found[task_id] = CalledBalance(known + invoices, (*amounts, Money(minor=int(balance), currency=currency)))
    return found
