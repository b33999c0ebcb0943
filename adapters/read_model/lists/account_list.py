"""The list of accounts: by name, by what they owe in a currency, or by how long it is past due."""

from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, case, func, or_, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Account, Case, Invoice
from adapters.read_model.accounts import AccountRow, load_account_rows
from adapters.read_model.lists.keyset_pages import ListOrder, SortColumn, load_page
from adapters.read_model.lists.list_totals import MAX_COUNTED, ListTotals, count_rows, load_totals
from domain.billing.billing_events import InvoiceStatus
from domain.identifiers import CaseKind

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
    """What accounts have: by what a list of them can be narrowed. `currency`: in which most invoices are open; empty without any."""

    collectors: list[str]
    countries: list[str]
    segments: list[str]
    currencies: list[str]
    currency: str


def list_account_page(
    database: Database, account_filter: AccountListFilter, sort: str, is_descending: bool, today: date, limit: int, cursor: str | None
) -> tuple[list[AccountRow], str | None]:
    """Sorted by `name`, `overdue`, `open` or `oldest`; the two amounts in the filter's currency, or in the one that most invoices have."""
    with database.reading() as session:
        matching = _filter_accounts(select(col(Account.id)), account_filter, today)
        statement, order = _sort_accounts(session, matching, account_filter, sort, today)
        ids, following = load_page(session, statement, ListOrder(sort, order, is_descending), limit, cursor)
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
        collectors, countries, segments = (
            [value for value in session.scalars(select(column).distinct().order_by(column)) if value]
            for column in (col(Account.collector), col(Account.country), col(Account.segment))
        )
        counts = load_open_currencies(session)
    return AccountChoices(
        collectors=collectors, countries=countries, segments=segments, currencies=sorted(counts), currency=_choose_commonest(counts)
    )


def load_open_currencies(session: Session) -> dict[str, int]:
    """How many invoices are open in each currency."""
    statement = select(col(Invoice.currency), func.count()).where(_is_open(None)).group_by(col(Invoice.currency))
    return {row[0]: row[1] for row in session.execute(statement)}


def _choose_commonest(counts: dict[str, int]) -> str:
    return max(sorted(counts), key=lambda currency: counts[currency], default="")


def _is_open(currency: str | None) -> Any:
    is_open = col(Invoice.status) == InvoiceStatus.OPEN
    return is_open if currency is None else is_open & (col(Invoice.currency) == currency)


def _sort_accounts(
    session: Session, statement: Select[Any], account_filter: AccountListFilter, sort: str, today: date
) -> tuple[Select[Any], tuple[SortColumn, ...]]:
    """An account that owes nothing counts as owing 0, and as due on the last day that there is."""
    last = SortColumn(col(Account.id), str)
    if sort == "name":
        return statement, (SortColumn(col(Account.name), str), last)
    currency = account_filter.currency
    if sort != "oldest":
        currency = currency or _choose_commonest(load_open_currencies(session))
    figures: dict[str, Any] = {
        "oldest": func.min(col(Invoice.due_date)),
        "open": func.sum(col(Invoice.open_balance)),
        "overdue": func.sum(case((col(Invoice.due_date) < today, col(Invoice.open_balance)), else_=0)),
    }
    owed = (
        select(col(Invoice.account_id), figures[sort].label("figure"))
        .where(_is_open(currency))
        .group_by(col(Invoice.account_id))
        .subquery()
    )
    figure = func.coalesce(owed.c.figure, date.max if sort == "oldest" else 0)
    return statement.outerjoin(owed, owed.c.account_id == Account.id), (SortColumn(figure, date if sort == "oldest" else int), last)


def _filter_accounts(statement: Select[Any], account_filter: AccountListFilter, today: date) -> Select[Any]:
    for column, value in (
        (Account.collector, account_filter.collector),
        (Account.country, account_filter.country),
        (Account.segment, account_filter.segment),
    ):
        if value == NOBODY:
            statement = statement.where(col(column).is_(None))
        elif value is not None:
            statement = statement.where(col(column) == value)
    if account_filter.q:
        statement = statement.where(match_account(account_filter.q))
    owing = select(col(Invoice.account_id)).where(_is_open(account_filter.currency))
    if account_filter.min_days_past_due is not None:
        latest = today - timedelta(days=account_filter.min_days_past_due)
        statement = statement.where(col(Account.id).in_(owing.where(col(Invoice.due_date) <= latest)))
    elif account_filter.owes or (account_filter.currency is not None and account_filter.owes is None):
        statement = statement.where(col(Account.id).in_(owing))
    if account_filter.owes is False:
        statement = statement.where(col(Account.id).not_in(owing))
    if account_filter.is_suspended is not None:
        is_off = col(Account.suspended_on).is_not(None)
        statement = statement.where(is_off if account_filter.is_suspended else ~is_off)
    if account_filter.is_suspending:
        asked = select(col(Case.account_id)).where(col(Case.kind) == CaseKind.SUSPENSION, col(Case.outcome).is_(None))
        statement = statement.where(col(Account.id).in_(asked), col(Account.suspended_on).is_(None))
    return statement


def match_account(text: str) -> Any:
    """A part of its name or number."""
    return or_(col(Account.name).icontains(text, autoescape=True), col(Account.id).icontains(text, autoescape=True))
