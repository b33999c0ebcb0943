"""Rows of a list that something is to be done about: those that were ticked, or all that match; what they come to, and their names."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import case, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.open_invoices import is_open_invoice
from adapters.database.tables import Account, Invoice
from adapters.read_model.lists.list_totals import ListTotals, load_totals


class ChosenRows:
    """Of accounts, or of invoices. `ids`: of few thousand at most."""

    def __init__(self, database: Database, of_accounts: bool) -> None:
        self._database, self._of_accounts = database, of_accounts

    def load_totals(self, ids: Sequence[str], today: date) -> ListTotals:
        """How many they are, and what is open of them by currency."""
        of_rows = col(Invoice.account_id if self._of_accounts else Invoice.id).in_(list(ids))
        statement = select(
            col(Invoice.currency),
            col(Invoice.open_balance).label("amount"),
            case((col(Invoice.due_date) < today, col(Invoice.open_balance)), else_=0).label("due"),
        ).where(is_open_invoice(), of_rows)
        with self._database.reading() as session:
            sums = load_totals(session, statement, is_limited=False).sums
        return ListTotals(count=len(ids), sums=sums)

    def load_names(self, ids: Sequence[str]) -> dict[str, str]:
        """By id, in the order of the ids; those that are not there are left out."""
        table, name = (Account, Account.name) if self._of_accounts else (Invoice, Invoice.number)
        with self._database.reading() as session:
            return _sort_like(ids, _load_pairs(session, col(table.id), col(name), ids))


def _load_pairs(session: Session, row_id: Any, name: Any, ids: Sequence[str]) -> dict[str, str]:
    return {row[0]: row[1] for row in session.execute(select(row_id, name).where(row_id.in_(list(ids))))}


def _sort_like(ids: Sequence[str], names: dict[str, str]) -> dict[str, str]:
    return {each: names[each] for each in ids if each in names}
