"""The whole portfolio in figures. Amounts of two currencies are never added."""

from datetime import date, timedelta

from pydantic import BaseModel
from sqlalchemy import case, func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.open_invoices import is_open_invoice
from adapters.database.row_states import MessageState, TaskState
from adapters.database.tables import Account, Case, Invoice, LedgerEvent, Message, PolicyVersion, Task
from adapters.read_model.correspondence import count_letters_by_state
from adapters.read_model.invoices import NOT_STARTED, is_case_of_invoice
from adapters.read_model.suspensions import STAGE_SUSPENDED
from domain.clock import start_of_day
from domain.invoice.view import STAGE_NEW
from domain.policy.approval_matrix import MATRIX_POLICY_NAME
from domain.policy.collection_policy import PolicySnapshot


class StageRow(BaseModel):
    """How many open invoices stand at a stage, and what they owe per currency, in minor units."""

    stage: str
    count: int = 0
    open_balance: dict[str, int] = {}


class PortfolioTotals(BaseModel):
    """Everything, counted now: for those who read it seldom."""

    stages: list[StageRow]
    settled: dict[str, int]
    letters: dict[str, int]
    tasks: dict[str, int]
    undelivered_events: int


class CurrentWork(BaseModel):
    """What is under way: open tasks by kind; the letters that were `sent_today`, on this business date (UTC); those that are not sent yet;
    and how many of an ill fate there are. Nothing that is over is counted but those of today and those in trouble."""

    tasks: dict[str, int]
    sent_today: int
    due: int
    refused: int
    unknown: int


def load_current_work(database: Database, today: date) -> CurrentWork:
    pending = (MessageState.INTENDED, MessageState.TRANSMITTING, MessageState.REFUSED, MessageState.UNKNOWN)
    counted = select(col(Message.state), func.count()).where(col(Message.state).in_(pending)).group_by(col(Message.state))
    with database.reading() as session:
        letters: dict[str, int] = dict(session.execute(counted).all())
        return CurrentWork(
            tasks=_count_open_tasks(session),
            sent_today=count_sent_on(session, today),
            due=letters.get(MessageState.INTENDED, 0) + letters.get(MessageState.TRANSMITTING, 0),
            refused=letters.get(MessageState.REFUSED, 0),
            unknown=letters.get(MessageState.UNKNOWN, 0),
        )


def count_sent_on(session: Session, today: date) -> int:
    """How many letters were sent on a business date (UTC)."""
    midnight = start_of_day(today)
    sent = select(func.count()).where(col(Message.sent_at) >= midnight, col(Message.sent_at) < midnight + timedelta(days=1))
    return session.scalar(sent) or 0


def count_sent_before(session: Session, today: date) -> int:
    """How many letters were sent on all days before."""
    sent = select(func.count()).where(col(Message.state) == MessageState.SENT)
    return (session.scalar(sent) or 0) - count_sent_on(session, today)


def count_settled(session: Session) -> dict[str, int]:
    """How many invoices there are that are no longer open, by their status."""
    return dict(session.execute(select(col(Invoice.status), func.count()).where(~is_open_invoice()).group_by(col(Invoice.status))).all())


def load_portfolio_totals(database: Database, today: date) -> PortfolioTotals:
    with database.reading() as session:
        stage = case((col(Account.suspended_on).is_not(None), STAGE_SUSPENDED), else_=func.coalesce(Case.stage, NOT_STARTED))
        counted = (
            select(stage, col(Invoice.currency), func.count(), func.sum(col(Invoice.open_balance)))
            .join(Account, col(Account.id) == col(Invoice.account_id))
            .outerjoin(Case, is_case_of_invoice())
            .where(is_open_invoice())
            .group_by(stage, col(Invoice.currency))
        )
        stages: dict[str, StageRow] = {}
        for name, currency, count, balance in session.execute(counted):
            row = stages.setdefault(name, StageRow(stage=name))
            row.count += count
            row.open_balance[currency] = int(balance)
        waiting = select(func.count()).select_from(LedgerEvent).where(col(LedgerEvent.delivered_at).is_(None))
        return PortfolioTotals(
            stages=sorted(stages.values(), key=lambda row: row.stage),
            settled=count_settled(session),
            letters=count_letters_by_state(session),
            tasks=_count_open_tasks(session),
            undelivered_events=session.execute(waiting).scalar_one(),
        )


def _count_open_tasks(session: Session) -> dict[str, int]:
    counted = select(col(Task.kind), func.count()).where(col(Task.state) == TaskState.OPEN).group_by(col(Task.kind))
    return dict(session.execute(counted).all())


def load_stage_order(database: Database) -> list[str]:
    """The stages in the order in which invoices pass through them, over all policies ever in force."""
    with database.reading() as session:
        snapshots = [
            PolicySnapshot(name=row.name, version=row.version, text=row.snapshot)
            for row in session.execute(select(PolicyVersion).where(col(PolicyVersion.name) != MATRIX_POLICY_NAME)).scalars()
        ]
    days = {step.step: step.day for snapshot in snapshots for step in snapshot.load_policy().timeline}
    return [NOT_STARTED, STAGE_NEW, *sorted(days, key=lambda step: (days[step], step)), STAGE_SUSPENDED]
