"""The invoices that an account's call is about."""

from collections.abc import Collection
from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.row_states import TaskState
from adapters.database.tables import CallRequest, Invoice
from domain.money import Money, sum_by_currency


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


# columns, not objects: those of a whole list of calls are read for every page
_INVOICE_COLUMNS = (col(Invoice.id), col(Invoice.number), col(Invoice.currency), col(Invoice.open_balance), col(Invoice.due_date))


def load_called_invoices(session: Session, task_ids: Collection[int]) -> dict[int, list[CalledInvoice]]:
    """Return the invoices of each call by its task, the oldest due first; those that were settled before it was made are left out."""
    if not task_ids:
        return {}
    statement = (
        select(col(CallRequest.task_id), col(CallRequest.due_on), *_INVOICE_COLUMNS)
        .join(Invoice, col(Invoice.id) == col(CallRequest.invoice_id))
        .where(col(CallRequest.task_id).in_(task_ids), col(CallRequest.state) != TaskState.DROPPED)
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


def sum_called_balances(called: Collection[CalledInvoice]) -> tuple[Money, ...]:
    """Return what is open of the invoices, one amount per currency."""
    return sum_by_currency(Money(minor=invoice.open_balance, currency=invoice.currency) for invoice in called)
