"""The rows behind a figure of the overview: which tasks and cases wait, which disputes are open."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.row_states import AwaitedPart, TaskState
from adapters.database.tables import Account, Case, CaseAwaited, Invoice, Task
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from adapters.read_model.overview.waiting_figures import DISPUTE_AGE_LIMITS
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
from domain.roles import Role


class FigureRow(BaseModel):
    """One thing behind a figure. `case_id` is None of a task; `since`: since when it waits, or when it was raised. `contested` in minor
    units of `currency`; `deadline` a dispute's alone."""

    model_config = ConfigDict(frozen=True)

    account_id: str
    account_name: str
    invoice_id: str | None
    invoice_number: str | None
    case_id: str | None
    since: date
    assignee: str | None = None
    contested: int = 0
    currency: str = ""
    deadline: date | None = None


_SUBJECT = (col(Account.id), col(Account.name), col(Invoice.id), col(Invoice.number))


def list_waiting_tasks(database: Database, role: str | None, person: str | None, kind: str, limit: int) -> list[FigureRow]:
    """Open tasks of a kind, that of a role's people or of one collector, what was due first at the beginning."""
    whose = col(Task.role) == Role.COLLECTOR.value, func.coalesce(col(Task.assignee), col(Account.collector)) == person
    statement = (
        select(*_SUBJECT, col(Task.due_on), col(Task.assignee))
        .select_from(Task)
        .join(Account, col(Account.id) == col(Task.account_id))
        .outerjoin(Invoice, col(Invoice.id) == col(Task.invoice_id))
        .where(col(Task.state) == TaskState.OPEN.value, col(Task.kind) == kind, *(whose if person else (col(Task.role) == role,)))
        .order_by(col(Task.due_on), col(Task.id))
        .limit(limit)
    )
    with database.reading() as session:
        return [_build_row(subject, None, since, assignee) for *subject, since, assignee in session.execute(statement)]


def list_waiting_cases(
    database: Database, role: str | None, person: str | None, kind: str, limit: int, to_business_day: Callable[[datetime], date]
) -> list[FigureRow]:
    """Cases of a kind on which people of a role, or one person, may act now; what changed longest ago at the beginning."""
    part, name = (AwaitedPart.PERSON, person) if person else (AwaitedPart.ROLE, role)
    statement = (
        select(*_SUBJECT, col(Case.case_id), col(Case.updated_at))
        .select_from(Case)
        .join(CaseAwaited, col(CaseAwaited.case_id) == col(Case.case_id))
        .outerjoin(Account, col(Account.id) == col(Case.account_id))
        .outerjoin(Invoice, col(Invoice.id) == col(Case.invoice_id))
        .where(col(Case.outcome).is_(None), col(Case.kind) == kind, col(CaseAwaited.part) == part.value, col(CaseAwaited.name) == name)
        .order_by(col(Case.updated_at), col(Case.case_id))
        .limit(limit)
    )
    with database.reading() as session:
        return [
            _build_row(subject, case_id, to_business_day(changed_at), None) for *subject, case_id, changed_at in session.execute(statement)
        ]


def list_dispute_rows(database: Database, department: str, age: int | None, today: date, limit: int) -> list[FigureRow]:
    """Open disputes of a department, those of one age as DISPUTE_AGE_LIMITS has them; the nearest deadline first."""

    def is_wanted(row: CaseRow) -> bool:
        summary = row.summary_of(DisputeSummary)
        days = (today - summary.raised_on).days
        return summary.department == department and age in (None, sum(days > limit for limit in DISPUTE_AGE_LIMITS))

    rows, _ = list_cases(database, CaseFilter(kind=CaseKind.DISPUTE, open=True), limit, None, is_wanted)
    with database.reading() as session:
        named = select(col(Invoice.id), col(Invoice.number)).where(col(Invoice.id).in_([row.invoice_id for row in rows if row.invoice_id]))
        numbers = {row.id: row.number for row in session.execute(named)}
    return [_build_dispute_row(row, row.summary_of(DisputeSummary), numbers) for row in rows]


def _build_dispute_row(row: CaseRow, summary: DisputeSummary, numbers: dict[str, str]) -> FigureRow:
    subject = row.account_id, row.account_name, row.invoice_id, numbers.get(row.invoice_id or "")
    shown = {"contested": summary.contested, "currency": summary.currency, "deadline": row.next_on}
    return _build_row(subject, row.case_id, summary.raised_on, summary.assignee).model_copy(update=shown)


def _build_row(subject: Any, case_id: str | None, since: date, assignee: str | None) -> FigureRow:
    account_id, account_name, invoice_id, number = subject
    return FigureRow(
        account_id=account_id or "",
        account_name=account_name or "",
        invoice_id=invoice_id,
        invoice_number=number,
        case_id=case_id,
        since=since,
        assignee=assignee,
    )
