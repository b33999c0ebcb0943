"""Notes that people write, and the end of their tasks."""

from adapters.cases import notes, tasks
from adapters.database.engine import Database
from adapters.mentions.mention_store import MentionStore
from adapters.read_model.correspondence import TaskRow, find_task
from adapters.read_model.invoices import InvoiceRow
from api.context import ApiContext
from api.web.problems import Problem
from domain.refusal import Refusal


def save_invoice_note(context: ApiContext, act_id: str, invoice: InvoiceRow, author: str, text: str) -> str:
    """Save a note about an invoice, as `save_note` does."""
    return save_note(context, act_id, invoice.account_id, invoice.id, author, text)


def save_note(context: ApiContext, act_id: str, account_id: str, invoice_id: str | None, author: str, text: str) -> str:
    """Return the note's id, which derives from the command: a repeated command keeps one note."""
    return notes.save_note(context.database, act_id, account_id, invoice_id, author, text, context.business_now)


def save_account_note(context: ApiContext, act_id: str, account_id: str, invoice_id: str | None, author: str, text: str) -> str:
    """Save a note that no case's journal can name, and record it with the account; return its id."""
    note_id = save_note(context, act_id, account_id, invoice_id, author, text)
    notes.record_account_note(context.database, note_id, context.now())
    return note_id


def withdraw_mentions(context: ApiContext, act_id: str) -> None:
    """What the command's note was written for was refused: nobody is told that they are named in it."""
    MentionStore(context.database).withdraw_mentions(notes.build_note_id(act_id))


def close_task(database: Database, task_id: int, outcome: str, closed_by: str) -> TaskRow | None:
    """Return the ended task, None when there is none of this id. Raises Problem 409 when it was ended before."""
    closed = tasks.close_task(database, task_id, outcome, closed_by)
    task = find_task(database, task_id)
    if task is not None and not closed:
        raise Problem(
            409, "closed", "The task is closed", Refusal("task.closed", "this task is {task_state} already", task_state=task.state)
        )
    return task
