"""The collectors' portfolios in figures: accounts, what they owe per currency, and the tasks that are open."""

from collections import Counter, defaultdict
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Account, Invoice, PortfolioChange, Task
from adapters.portfolio.cover_store import load_active_covers
from adapters.portfolio.rule_store import load_collecting_users
from adapters.read_model.cursors import decode_cursor, paginate_rows
from domain.billing.billing_events import InvoiceStatus
from domain.portfolio.assignment_rules import Cover
from domain.roles import Role


class CollectorPortfolio(BaseModel):
    """One collector's; `collector` None: the accounts that have none. `open_balances` in minor units by currency. `active`: may sign in
    and collect."""

    model_config = ConfigDict(frozen=True)

    collector: str | None
    active: bool
    accounts: int
    open_balances: dict[str, int]
    open_tasks: int
    covers: list[Cover]


class CollectorChangeRow(BaseModel):
    """An account that went from one collector to another. `made_at` is business time."""

    model_config = ConfigDict(frozen=True)

    account_id: str
    account_name: str
    from_collector: str | None
    to_collector: str
    cause: str
    why: str
    tasks: int
    made_by: str
    made_at: datetime


_CHANGE_COLUMNS = set(CollectorChangeRow.model_fields) - {"account_name"}


def list_collector_portfolios(database: Database, today: date) -> list[CollectorPortfolio]:
    """By name, collectors without accounts too; at the end the accounts that nobody has."""
    with database.reading() as session:
        accounts = Counter[str | None](dict(_count_accounts(session)))
        balances: dict[str | None, dict[str, int]] = defaultdict(dict)
        for collector, currency, minor in _load_open_balances(session):
            balances[collector][currency] = minor
        tasks = Counter[str | None](dict(_count_open_tasks(session)))
        people, staff = load_collecting_users(session), load_collecting_users(session, {Role.COLLECTOR})
        covers = load_active_covers(session, today)
    names = sorted({*staff, *(name for name in (*accounts, *tasks) if name)})
    return [
        CollectorPortfolio(
            collector=name,
            active=name in people,
            accounts=accounts[name],
            open_balances=dict(sorted(balances[name].items())),
            open_tasks=tasks[name],
            covers=[cover for cover in covers if cover.collector == name],
        )
        for name in (*names, *([None] if accounts[None] or tasks[None] else []))
    ]


def list_collector_changes(
    database: Database, limit: int, cursor: str | None, account: str | None = None
) -> tuple[list[CollectorChangeRow], str | None]:
    """Who had which account, the latest change first."""
    statement = select(PortfolioChange, col(Account.name)).join(Account, col(Account.id) == col(PortfolioChange.account_id))
    statement = statement.order_by(col(PortfolioChange.id).desc()).limit(limit + 1)
    if account is not None:
        statement = statement.where(col(PortfolioChange.account_id) == account)
    if place := decode_cursor(cursor, int):
        statement = statement.where(col(PortfolioChange.id) < place[0])
    with database.reading() as session:
        rows, following = paginate_rows(session.execute(statement).all(), limit, lambda row: (row[0].id,))
        return [CollectorChangeRow(**row.model_dump(include=_CHANGE_COLUMNS), account_name=name) for row, name in rows], following


def _count_accounts(session: Session) -> list[tuple[str | None, int]]:
    return [(row[0], row[1]) for row in session.execute(select(col(Account.collector), func.count()).group_by(col(Account.collector)))]


def _load_open_balances(session: Session) -> list[tuple[str | None, str, int]]:
    owed = (
        select(col(Account.collector), col(Invoice.currency), func.sum(col(Invoice.open_balance)))
        .join(Account, col(Account.id) == col(Invoice.account_id))
        .where(col(Invoice.status) == InvoiceStatus.OPEN)
        .group_by(col(Account.collector), col(Invoice.currency))
    )
    return [(row[0], row[1], int(row[2])) for row in session.execute(owed)]


def _count_open_tasks(session: Session) -> list[tuple[str | None, int]]:
    """A task that was given to nobody by name is the account's collector's."""
    whose = func.coalesce(col(Task.assignee), col(Account.collector))
    counted = (
        select(whose, func.count())
        .join(Account, col(Account.id) == col(Task.account_id))
        .where(col(Task.state) == TaskState.OPEN, col(Task.role) == Role.COLLECTOR.value)
        .group_by(whose)
    )
    return [(row[0], row[1]) for row in session.execute(counted)]
