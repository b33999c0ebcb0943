"""Rows of a list that something is to be done about: those that were ticked, or all that match; what they come to, and their names."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import case, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.open_invoices import is_open_invoice
from adapters.database.tables import Account, Invoice
from adapters.read_model.lists.case_rows import load_listed_cases
from adapters.read_model.lists.list_totals import CurrencyTotal, ListTotals, load_totals
from domain.identifiers import CaseKind
from domain.money import sum_by_currency


class ChosenRows(NamedTuple):
    """`names` by id, in the order of the ids, those that are not there left out; `totals`: how many they are, and their sums."""

    names: Mapping[str, str]
    totals: ListTotals


def load_chosen_accounts(database: Database, ids: Sequence[str], today: date) -> ChosenRows:
    """With what is open of them by currency. `ids`: of few thousand at most."""
    with database.reading() as session:
        names = _load_names(session, col(Account.id), col(Account.name), ids)
        return ChosenRows(names, _sum_open(session, col(Invoice.account_id), names, today))


def load_chosen_invoices(database: Database, ids: Sequence[str], today: date) -> ChosenRows:
    """The same of invoices."""
    with database.reading() as session:
        names = _load_names(session, col(Invoice.id), col(Invoice.number), ids)
        return ChosenRows(names, _sum_open(session, col(Invoice.id), names, today))


def load_chosen_disputes(database: Database, ids: Sequence[str]) -> ChosenRows:
    """Of cases those that are disputes, with what is contested by currency."""
    with database.reading() as session:
        rows = [row for row in load_listed_cases(session, ids) if row.kind == CaseKind.DISPUTE]
    sums = sum_by_currency(money for row in rows for money in row.amounts)
    totals = ListTotals(count=len(rows), sums=tuple(CurrencyTotal(currency=each.currency, amount=each.minor) for each in sums))
    return ChosenRows({row.key: f"{row.account_name}, {row.invoice_number or row.invoice_id or row.key}" for row in rows}, totals)


def _load_names(session: Session, row_id: Any, name: Any, ids: Sequence[str]) -> dict[str, str]:
    found = {row[0]: row[1] for row in session.execute(select(row_id, name).where(row_id.in_(list(ids))))}
    return {each: found[each] for each in ids if each in found}


def _sum_open(session: Session, belongs_to: Any, names: Mapping[str, str], today: date) -> ListTotals:
    statement = select(
        col(Invoice.currency),
        col(Invoice.open_balance).label("amount"),
        case((col(Invoice.due_date) < today, col(Invoice.open_balance)), else_=0).label("due"),
    ).where(is_open_invoice(), belongs_to.in_(list(names)))
    return ListTotals(count=len(names), sums=load_totals(session, statement, is_limited=False).sums)
