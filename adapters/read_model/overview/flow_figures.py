"""Where the open invoices stand on their way, and for how long: by the stage that each has reached."""

from collections import defaultdict
from datetime import date, timedelta

from pydantic import BaseModel
from sqlalchemy import case, func, select
from sqlmodel import Session, col

from adapters.database.open_invoices import is_open_invoice
from adapters.database.tables import Account, Case, Invoice
from adapters.read_model.invoices import NOT_STARTED, is_case_of_invoice
from adapters.read_model.suspensions import STAGE_SUSPENDED


class StageFigures(BaseModel):
    """`median_days`: so many days past due is the one in the middle; negative before the due date. `median_in_stage`: so many days it has
    been at the stage; None where that is known of none. `open_balance` in minor units by currency."""

    stage: str
    invoices: int
    median_days: int
    median_in_stage: int | None
    open_balance: dict[str, int]


def load_stage_figures(session: Session, today: date) -> list[StageFigures]:
    """In no order: that of the stages is the policies'."""
    stage = case((col(Account.suspended_on).is_not(None), STAGE_SUSPENDED), else_=func.coalesce(Case.stage, NOT_STARTED))
    since = func.coalesce(col(Account.suspended_on), Case.stage_since)
    counted = (
        select(stage, since, col(Invoice.due_date), col(Invoice.currency), func.count(), func.sum(col(Invoice.open_balance)))
        .join(Account, col(Account.id) == col(Invoice.account_id))
        .outerjoin(Case, is_case_of_invoice())
        .where(is_open_invoice())
        .group_by(stage, since, col(Invoice.due_date), col(Invoice.currency))
    )
    days: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    balances: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    stood: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for name, reached_on, due, currency, count, balance in session.execute(counted):
        if reached_on is not None:
            stood[name][(today - reached_on) // timedelta(days=1)] += count
        days[name][(today - due) // timedelta(days=1)] += count
        balances[name][currency] += int(balance)
    return [
        StageFigures(
            stage=name,
            invoices=sum(counts.values()),
            median_days=find_median(counts),
            median_in_stage=find_median(stood[name]) if name in stood else None,
            open_balance=dict(balances[name]),
        )
        for name, counts in days.items()
    ]


def find_median(counts: dict[int, int]) -> int:
    """Return the lower of the two in the middle, where there are two; `counts` by the value, at least one."""
    left = (sum(counts.values()) + 1) // 2
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return value
    raise ValueError("nothing has no median")
