"""Ending the tasks that people have done."""

from sqlalchemy import update
from sqlmodel import col

from adapters.cases.call_tasks import close_call_requests, end_call_escalations
from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Task


def close_task(database: Database, task_id: int, outcome: str, closed_by: str) -> bool:
    """Return whether this call ended the task; not when there is none of this id, or it was ended before."""
    with database.writing() as session:
        closed = session.execute(
            update(Task)
            .where(col(Task.id) == task_id, col(Task.state) == TaskState.OPEN)
            .values(state=TaskState.DONE, outcome=outcome, closed_by=closed_by)
            .returning(col(Task.id))
        ).first()
        if closed is not None:
            close_call_requests(session.connection(), task_id)
            end_call_escalations(session.connection(), [task_id], {"state": TaskState.DONE, "closed_by": closed_by})
    return closed is not None
