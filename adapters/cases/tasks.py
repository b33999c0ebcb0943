"""Ending the tasks that people have done."""

from sqlalchemy import update
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Task
from domain.case.case_view import TaskKind
from domain.invoice.commands import CallOutcome


def close_call_tasks(database: Database, invoice_id: str, outcome: CallOutcome, closed_by: str) -> None:
    """End every open call task of an invoice."""
    open_calls = (col(Task.invoice_id) == invoice_id, col(Task.kind) == TaskKind.CALL, col(Task.state) == TaskState.OPEN)
    with database.writing() as session:
        session.execute(update(Task).where(*open_calls).values(state=TaskState.DONE, outcome=outcome.value, closed_by=closed_by))


def close_task(database: Database, task_id: int, outcome: str, closed_by: str) -> bool:
    """Return whether this call ended the task; not when there is none of this id, or it was ended before."""
    with database.writing() as session:
        closed = session.execute(
            update(Task)
            .where(col(Task.id) == task_id, col(Task.state) == TaskState.OPEN)
            .values(state=TaskState.DONE, outcome=outcome, closed_by=closed_by)
            .returning(col(Task.id))
        ).first()
    return closed is not None
