"""The list of accounts: by name, by what they owe in a currency, or by how long it is past due."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, case, func, or_, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.open_invoices import is_open_invoice
from adapters.database.tables import Account, Case, Invoice
from adapters.read_model.accounts import AccountRow, load_account_rows
from adapters.read_model.lists.keyset_pages import ListOrder, SortColumn, load_page
from adapters.read_model.lists.list_totals import MAX_COUNTED, ListTotals, count_rows, load_totals
from adapters.read_model.lists.text_match import contains_text
from domain.identifiers import CaseKind

AMOUNT_SORTS = frozenset({"open", "overdue"})

NOBODY = "-"
"""Instead of a collector's name: the accounts that nobody has."""


class AccountListFilter(BaseModel):
    """What is None narrows nothing. `min_days_past_due`: of its oldest open invoice; with `currency`, of those in that currency.
    `owes`: whether anything is open. `is_suspended`: its service is off; `is_suspending`: somebody asked for that."""

    model_config = ConfigDict(frozen=True)

    q: str | None = None
    collector: str | None = None
    currency: str | None = None
    country: str | None = None
    segment: str | None = None
    min_days_past_due: int | None = None
    owes: bool | None = None
    is_suspended: bool | None = None
    is_suspending: bool | None = None


class AccountChoices(BaseModel):
    """What accounts have: by what a list of them can be narrowed. The currencies are those in which invoices are open."""

    collectors: list[str]
    countries: list[str]
    segments: list[str]
    currencies: list[str]


def list_account_page(
    database: Database, account_filter: AccountListFilter, sort: str, is_descending: bool, today: date, limit: int, cursor: str | None
) -> tuple[list[AccountRow], str | None]:
    """Sorted by `name`, `overdue`, `open` or `oldest`; the two amounts in the filter's currency, or in the one that most invoices have."""
    with database.reading() as session:
        matching = _filter_accounts(select(col(Account.id)), account_filter, today)
        order = ListOrder(sort, _sort_accounts(session, account_filter, sort, today), is_descending)
        ids, following = load_page(session, matching, order, limit, cursor)
        return load_account_rows(session, ids, today), following


def load_account_totals(database: Database, account_filter: AccountListFilter, today: date) -> ListTotals:
    """How many accounts match, and what they owe; with the filter's currency, in that alone."""
    matching = _filter_accounts(select(col(Account.id)), account_filter, today)
    is_narrowed = account_filter != AccountListFilter(currency=account_filter.currency)
    owed = select(
        col(Invoice.currency),
        col(Invoice.open_balance).label("amount"),
        case((col(Invoice.due_date) < today, col(Invoice.open_balance)), else_=0).label("due"),
    ).where(_is_open(account_filter.currency))
    with database.reading() as session:
        count = count_rows(session, matching)
        totals = load_totals(session, owed.where(col(Invoice.account_id).in_(matching)) if is_narrowed else owed, is_limited=False)
        return ListTotals(count=min(count, MAX_COUNTED), is_more=count > MAX_COUNTED, sums=totals.sums)


def list_matching_account_ids(database: Database, account_filter: AccountListFilter, today: date, limit: int) -> list[str]:
    """The ids of all accounts that match, in their order, but no more than `limit`."""
    statement = _filter_accounts(select(col(Account.id)), account_filter, today).order_by(col(Account.id)).limit(limit)
    with database.reading() as session:
        return list(session.scalars(statement))


def load_account_choices(database: Database) -> AccountChoices:
    with database.reading() as session:
        kinds = session.execute(select(col(Account.collector), col(Account.country), col(Account.segment)).distinct()).all()
        currencies = list(_walk_currencies(session))
    collectors, countries, segments = (sorted({row[place] for row in kinds} - {None}) for place in range(3))
    return AccountChoices(collectors=collectors, countries=countries, segments=segments, currencies=currencies)


def _walk_currencies(session: Session) -> Iterator[str]:
    """From each to the next in the index: all open invoices are not gone through for a few."""
    following = select(func.min(col(Invoice.currency))).where(_is_open(None))
    currency = session.scalar(following)
    while currency is not None:
        yield currency
        currency = session.scalar(following.where(col(Invoice.currency) > currency))


def _count_by_currency(session: Session) -> dict[str, int]:
    """How many invoices are open in each currency."""
    statement = select(col(Invoice.currency), func.count()).where(_is_open(None)).group_by(col(Invoice.currency))
    return {row[0]: row[1] for row in session.execute(statement)}


def find_sort_currency(database: Database, account_filter: AccountListFilter, sort: str) -> str:
    """Return the currency whose amounts the list is sorted by; empty where it is sorted by something else."""
    if sort not in AMOUNT_SORTS:
        return ""
    with database.reading() as session:
        return _choose_currency(session, account_filter)


def _choose_currency(session: Session, account_filter: AccountListFilter) -> str:
    counts = {} if account_filter.currency else _count_by_currency(session)
    return account_filter.currency or max(sorted(counts), key=lambda currency: counts[currency], default="")


def _is_open(currency: str | None) -> Any:
    return is_open_invoice() if currency is None else is_open_invoice() & (col(Invoice.currency) == currency)


def _sort_accounts(session: Session, account_filter: AccountListFilter, sort: str, today: date) -> tuple[SortColumn, ...]:
    """An account that owes nothing counts as owing 0, and as due on the last day that there is."""
    last = SortColumn(col(Account.id), str)
    if sort == "name":
        return SortColumn(col(Account.name), str), last
    currency = account_filter.currency if sort == "oldest" else _choose_currency(session, account_filter)
    figures: dict[str, Any] = {
        "oldest": func.min(col(Invoice.due_date)),
        "open": func.sum(col(Invoice.open_balance)),
        "overdue": func.sum(case((col(Invoice.due_date) < today, col(Invoice.open_balance)), else_=0)),
    }
    owed = select(figures[sort]).where(col(Invoice.account_id) == Account.id, _is_open(currency)).correlate(Account).scalar_subquery()
    is_day = sort == "oldest"
    return SortColumn(func.coalesce(owed, date.max if is_day else 0), date if is_day else int), last


def _filter_accounts(statement: Select[Any], account_filter: AccountListFilter, today: date) -> Select[Any]:
    for column, value in (
        (Account.collector, account_filter.collector),
        (Account.country, account_filter.country),
        (Account.segment, account_filter.segment),
    ):
        if value is not None:
            statement = statement.where(match_name(col(column), value))
    if account_filter.q:
        statement = statement.where(match_account(account_filter.q))
    owing = select(col(Invoice.id)).where(col(Invoice.account_id) == Account.id, _is_open(account_filter.currency)).correlate(Account)
    if account_filter.min_days_past_due is not None:
        latest = today - timedelta(days=account_filter.min_days_past_due)
        statement = statement.where(owing.where(col(Invoice.due_date) <= latest).exists())
    elif account_filter.owes or (account_filter.currency is not None and account_filter.owes is None):
        statement = statement.where(owing.exists())
    if account_filter.owes is False:
        statement = statement.where(~owing.exists())
    if account_filter.is_suspended is not None:
        is_off = col(Account.suspended_on).is_not(None)
        statement = statement.where(is_off if account_filter.is_suspended else ~is_off)
    if account_filter.is_suspending:
        asked = select(col(Case.account_id)).where(col(Case.kind) == CaseKind.SUSPENSION, col(Case.outcome).is_(None))
        statement = statement.where(col(Account.id).in_(asked), col(Account.suspended_on).is_(None))
    return statement


def match_name(column: Any, name: str) -> Any:
    """That the column has the name; of `NOBODY`, that it has none."""
    return column.is_(None) if name == NOBODY else column == name


def match_account(text: str) -> Any:
    """A part of its name or number."""
    return or_(*(contains_text(column, text) for column in (col(Account.name), col(Account.id), col(Account.number))))
