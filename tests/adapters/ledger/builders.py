"""Small books for tests: one account, its invoices, and the questions that every test of money asks."""

from datetime import UTC, date, datetime

from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Account, Allocation, Invoice
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import BillingEvent

AT = datetime(2013, 6, 1, 12, tzinfo=UTC)
TODAY = AT.date()


def add_account(database: Database, account_id: str = "A1") -> None:
    with database.writing() as session:
        session.add(Account(id=account_id, name=account_id, country="DE", time_zone="Europe/Berlin", language="de"))


def add_invoice(
    database: Database, invoice_id: str, total: int = 10_000, due: date = date(2013, 5, 1), account_id: str = "A1", currency: str = "EUR"
) -> None:
    with database.writing() as session:
        session.add(
            Invoice(
                id=invoice_id,
                account_id=account_id,
                number=invoice_id,
                issue_date=date(2013, 4, 1),
                due_date=due,
                currency=currency,
                total=total,
                open_balance=total,
            )
        )


def list_events(database: Database) -> list[BillingEvent]:
    return [event for _, _, event in Ledger(database).list_pending_events(1_000)]


def list_event_kinds(database: Database) -> list[tuple[str, int, str]]:
    """(kind, amount, status) of every event that waits."""
    return [(event.kind.value, event.amount, event.facts.status.value) for event in list_events(database)]


def find_unbalanced_invoices(database: Database) -> list[str]:
    """The invoices whose open balance is not their total less their allocations, or which are closed and yet open."""
    allocated = func.coalesce(func.sum(Allocation.amount), 0)
    query = (
        select(col(Invoice.id), col(Invoice.total), col(Invoice.open_balance), col(Invoice.status), col(Invoice.settled_on), allocated)
        .outerjoin(Allocation, col(Allocation.invoice_id) == col(Invoice.id))
        .group_by(col(Invoice.id), col(Invoice.total), col(Invoice.open_balance), col(Invoice.status), col(Invoice.settled_on))
    )
    with database.reading() as session:
        return [
            number
            for number, total, open_balance, status, settled_on, paid in session.execute(query)
            if open_balance != total - paid or {status == "open", settled_on is None, open_balance > 0} != {status == "open"}
        ]
