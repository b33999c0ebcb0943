"""The whole portfolio in figures. Amounts of two currencies are never added."""

from datetime import date, timedelta

from pydantic import BaseModel
from sqlalchemy import case, func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.row_states import MessageState, TaskState
from adapters.database.tables import Account, Case, Invoice, LedgerEvent, Message, PolicyVersion, Task
from adapters.read_model.correspondence import count_letters_by_state
from adapters.read_model.invoices import NOT_STARTED, is_case_of_invoice
from adapters.read_model.suspensions import STAGE_SUSPENDED
from domain.billing.billing_events import InvoiceStatus
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
    stages: list[StageRow]
    settled: dict[str, int]
    letters: dict[str, int]
    letters_today: int
    letters_due: int
    tasks: dict[str, int]
    undelivered_events: int
    currencies: list[str]

    @property
    def empty(self) -> bool:
        return not self.stages and not self.settled


def load_portfolio_totals(database: Database, today: date) -> PortfolioTotals:
    """`letters_today`: sent on this business date (UTC); `letters_due`: not sent yet."""
    with database.reading() as session:
        stage = case((col(Account.suspended_on).is_not(None), STAGE_SUSPENDED), else_=func.coalesce(Case.stage, NOT_STARTED))
        counted = (
            select(stage, col(Invoice.currency), func.count(), func.sum(col(Invoice.open_balance)))
            .join(Account, col(Account.id) == col(Invoice.account_id))
            .outerjoin(Case, is_case_of_invoice())
            .where(col(Invoice.status) == InvoiceStatus.OPEN)
            .group_by(stage, col(Invoice.currency))
        )
        stages: dict[str, StageRow] = {}
        for name, currency, count, balance in session.execute(counted):
            row = stages.setdefault(name, StageRow(stage=name))
            row.count += count
            row.open_balance[currency] = int(balance)
        settled = select(col(Invoice.status), func.count()).where(col(Invoice.status) != InvoiceStatus.OPEN).group_by(col(Invoice.status))
        midnight = start_of_day(today)
        sent = select(func.count()).where(col(Message.sent_at) >= midnight, col(Message.sent_at) < midnight + timedelta(days=1))
        tasks = select(col(Task.kind), func.count()).where(col(Task.state) == TaskState.OPEN).group_by(col(Task.kind))
        waiting = select(func.count()).select_from(LedgerEvent).where(col(LedgerEvent.delivered_at).is_(None))
        letters = count_letters_by_state(session)
        return PortfolioTotals(
            stages=sorted(stages.values(), key=lambda row: row.stage),
            settled=dict(session.execute(settled).all()),
            letters=letters,
            letters_today=session.execute(sent).scalar_one(),
            letters_due=letters.get(MessageState.INTENDED, 0) + letters.get(MessageState.TRANSMITTING, 0),
            tasks=dict(session.execute(tasks).all()),
            undelivered_events=session.execute(waiting).scalar_one(),
            currencies=sorted({currency for row in stages.values() for currency in row.open_balance}),
        )


def load_stage_order(database: Database) -> list[str]:
    """The stages in the order in which invoices pass through them, over all policies ever in force."""
    with database.reading() as session:
        snapshots = [
            PolicySnapshot(name=row.name, version=row.version, text=row.snapshot)
            for row in session.execute(select(PolicyVersion).where(col(PolicyVersion.name) != MATRIX_POLICY_NAME)).scalars()
        ]
    days = {step.step: step.day for snapshot in snapshots for step in snapshot.load_policy().timeline}
    return [NOT_STARTED, STAGE_NEW, *sorted(days, key=lambda step: (days[step], step)), STAGE_SUSPENDED]


def sort_stages(stages: list[StageRow], order: list[str]) -> list[StageRow]:
    """A stage that no policy knows comes last."""
    place = {name: index for index, name in enumerate(order)}
    return sorted(stages, key=lambda row: (place.get(row.stage, len(order)), row.stage))
