"""What the API itself writes into the database: notes and the end of tasks."""

from sqlalchemy import update
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Note, Task
from adapters.read_model.correspondence import TaskRow, find_task
from adapters.read_model.invoices import InvoiceRow
from api.context import ApiContext
from api.web.problems import Problem
from domain.invoice.commands import CallOutcome


def save_invoice_note(context: ApiContext, act_id: str, invoice: InvoiceRow, author: str, text: str) -> str:
    """As `keep_note_of`, about an invoice."""
    return save_note(context, act_id, invoice.account_id, invoice.id, author, text)


def save_note(context: ApiContext, act_id: str, account_id: str, invoice_id: str | None, author: str, text: str) -> str:
    """The note's id, which derives from the act: a repeated act keeps one note."""
    id = f"note:{act_id}"
    row = {
        "id": id,
        "account_id": account_id,
        "invoice_id": invoice_id,
        "author": author,
        "text": text,
        "written_at": context.business_now,
    }
    with context.database.writing() as session:
        session.execute(context.database.build_insert_or_ignore(Note).values(**row))
    return id


def close_call_tasks(database: Database, invoice_id: str, outcome: CallOutcome, closed_by: str) -> None:
    open_calls = (col(Task.invoice_id) == invoice_id, col(Task.kind) == "call", col(Task.state) == "open")
    with database.writing() as session:
        session.execute(update(Task).where(*open_calls).values(state="done", outcome=outcome.value, closed_by=closed_by))


def close_task(database: Database, task_id: int, outcome: str, closed_by: str) -> TaskRow | None:
    """None when there is no such task. Raises Problem 409 when it was closed before."""
    with database.writing() as session:
        closed = session.execute(
            update(Task)
            .where(col(Task.id) == task_id, col(Task.state) == "open")
            .values(state="done", outcome=outcome, closed_by=closed_by)
            .returning(col(Task.id))
        ).first()
    task = find_task(database, task_id)
    if task is not None and closed is None:
        raise Problem(409, "closed", "The task is closed", f"this task is {task.state} already")
    return task
