"""Letters and tasks, as the database has them."""

from collections.abc import Sequence
from datetime import date, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func, or_, select
from sqlalchemy.orm import defer
from sqlmodel import Session, col

from adapters.billing.external_key import show_account
from adapters.database.engine import Database
from adapters.database.row_states import MessageState, TaskState
from adapters.database.tables import Account, CallRequest, Invoice, Message, MessageLine, Task
from adapters.read_model.called_invoices import CalledInvoice, load_called_invoices
from adapters.read_model.cursors import decode_cursor, paginate_rows
from domain.case.case_view import TaskKind
from domain.correspondence.naming import NamedAs
from domain.invoice.escalation import find_answerable_escalation

BLOCKING_TASK_KINDS = (TaskKind.UNKNOWN_LETTER, TaskKind.REFUSED_LETTER, TaskKind.NO_ADDRESS)
"""Tasks without which a customer hears nothing."""

GONE_STATES = (MessageState.TRANSMITTING, MessageState.SENT, MessageState.REFUSED, MessageState.UNKNOWN)
"""Of letters that nobody can take back any more."""


class LetterLineRow(BaseModel):
    """An invoice as a letter states it, in minor units of its currency; `step` is empty where the letter takes none of its steps."""

    invoice_id: str
    number: str
    step: str
    open_balance: int
    currency: str
    days_past_due: int
    named_as: NamedAs


class LetterRow(BaseModel):
    """One letter. `sent_at` and `slot` are business time. `text` is filled when one letter is read.

    `letter` is its template; `case_id` the case that asked for it, null where invoices' timelines did. `reason`: why a case's letter did
    not go. `asked_for`: what a reminder asks for, `credit`: the unapplied credit that it takes off, in minor units of `currency`.
    """

    id: int
    account_id: str
    account_name: str
    account_number: str
    recipient: str
    language: str
    currency: str
    letter: str
    slot: datetime
    subject: str
    state: str
    attempts: int
    sent_at: datetime | None
    reply: str
    decided_by: str | None
    message_id: str
    case_id: str | None = None
    reason: str = ""
    asked_for: int | None = None
    credit: int = 0
    lines: list[LetterLineRow] = []
    text: str = ""


class TaskRow(BaseModel):
    """A person's task. `invoices`: those that a call to the account is about. `escalation`: the id under which it is answered."""

    id: int
    kind: str
    account_id: str
    account_name: str
    invoice_id: str | None
    invoice_number: str | None
    role: str
    assignee: str | None
    due_on: date
    state: str
    outcome: str
    message_id: int | None
    closed_by: str | None
    invoices: list[CalledInvoice] = []
    escalation: str | None = None


def list_letters(
    database: Database,
    limit: int,
    cursor: str | None = None,
    state: str | None = None,
    account: str | None = None,
    invoice: str | None = None,
    collector: str | None = None,
    gone_since: datetime | None = None,
) -> tuple[list[LetterRow], str | None]:
    """The newest first. `collector`: those to the accounts that are this collector's today; `gone_since`: those that went, or were on
    their way, from that point in business time on."""
    statement = _select_letters().order_by(col(Message.id).desc()).limit(limit + 1)
    if state is not None:
        statement = statement.where(col(Message.state) == state)
    if account is not None:
        statement = statement.where(col(Message.account_id) == account)
    if collector is not None:
        statement = statement.where(col(Account.collector) == collector)
    if gone_since is not None:
        went_at = func.coalesce(col(Message.sent_at), col(Message.slot))
        statement = statement.where(col(Message.state).in_([state.value for state in GONE_STATES]), went_at >= gone_since)
    if invoice is not None:
        mentioning = select(col(MessageLine.message_id)).where(col(MessageLine.invoice_id) == invoice)
        statement = statement.where(col(Message.id).in_(mentioning))
    if place := decode_cursor(cursor, int):
        statement = statement.where(col(Message.id) < place[0])
    with database.reading() as session:
        rows, following = paginate_rows(session.execute(statement).all(), limit, lambda row: (row[0].id,))
        letters = [_build_letter_row(*row) for row in rows]
        _attach_letter_lines(session, letters)
        return letters, following


def find_last_letter(database: Database, account_id: str) -> LetterRow | None:
    """Find the last letter that went to an account, without its lines; None where none did."""
    went = _select_letters().where(col(Message.account_id) == account_id, col(Message.state) == MessageState.SENT)
    with database.reading() as session:
        row = session.execute(went.order_by(col(Message.id).desc()).limit(1)).first()
        return _build_letter_row(*row) if row else None


def load_letter_rows(session: Session, letter_ids: Sequence[int]) -> list[LetterRow]:
    """Load the letters of these ids, in their order, without their lines."""
    found = {row[0].id: _build_letter_row(*row) for row in session.execute(_select_letters().where(col(Message.id).in_(letter_ids)))}
    return [found[letter_id] for letter_id in letter_ids if letter_id in found]


def find_letter(database: Database, letter_id: int) -> LetterRow | None:
    with database.reading() as session:
        row = session.execute(_select_letters().where(col(Message.id) == letter_id)).first()
        if row is None:
            return None
        letter = _build_letter_row(*row)
        _attach_letter_lines(session, [letter])
        letter.text = _extract_plain_text(row[0].content)
        return letter


def find_letter_mail(database: Database, letter_id: int) -> bytes:
    """The whole mail as it went; empty before it did, and once the account was erased."""
    with database.reading() as session:
        return session.scalars(select(col(Message.content)).where(col(Message.id) == letter_id)).first() or b""


def list_tasks(
    database: Database, limit: int, cursor: str | None = None, state: str | None = TaskState.OPEN, **equal: str | None
) -> tuple[list[TaskRow], str | None]:
    """What is due first comes first. `equal`: kind, role, assignee, account_id, invoice_id; an invoice's are those calls, too, for which it
    asks."""
    statement = _select_tasks().order_by(col(Task.due_on), col(Task.id)).limit(limit + 1)
    if (invoice_id := equal.pop("invoice_id", None)) is not None:
        calls = select(col(CallRequest.task_id)).where(col(CallRequest.invoice_id) == invoice_id)
        statement = statement.where(or_(col(Task.invoice_id) == invoice_id, col(Task.id).in_(calls)))
    for name, value in {**equal, "state": state}.items():
        if value is not None:
            statement = statement.where(getattr(Task, name) == value)
    if place := decode_cursor(cursor, date, int):
        due, last = place
        statement = statement.where((col(Task.due_on) > due) | ((col(Task.due_on) == due) & (col(Task.id) > last)))
    with database.reading() as session:
        rows, following = paginate_rows(session.execute(statement).all(), limit, lambda row: (row[0].due_on.isoformat(), row[0].id))
        return _build_task_rows(session, rows), following


def list_pressing_tasks(database: Database, limit: int) -> list[TaskRow]:
    """Open tasks, letters in trouble before everything else; within that, what is due first."""
    order = (col(Task.kind).not_in(BLOCKING_TASK_KINDS), col(Task.due_on), col(Task.id))
    pressing = select(col(Task.id)).where(col(Task.state) == TaskState.OPEN).order_by(*order).limit(limit)
    statement = _select_tasks().where(col(Task.id).in_(pressing)).order_by(*order)
    with database.reading() as session:
        return _build_task_rows(session, session.execute(statement).all())


def find_task(database: Database, task_id: int) -> TaskRow | None:
    with database.reading() as session:
        row = session.execute(_select_tasks().where(col(Task.id) == task_id)).first()
        return _build_task_rows(session, [row])[0] if row else None


def count_letters_by_state(session: Session) -> dict[str, int]:
    counted = session.execute(select(col(Message.state), func.count()).group_by(col(Message.state)))
    return dict(counted.all())


def _select_letters() -> Any:
    return (
        select(Message, col(Account.name), col(Account.number))
        .join(Account, col(Account.id) == Message.account_id)
        .options(defer(Message.content))  # type: ignore[arg-type]
    )


def _select_tasks() -> Any:
    return (
        select(Task, col(Account.name), col(Invoice.number))
        .join(Account, col(Account.id) == Task.account_id)
        .outerjoin(Invoice, col(Invoice.id) == Task.invoice_id)
    )


def _build_letter_row(message: Message, account_name: str, number: str) -> LetterRow:
    shown = LetterRow.model_fields.keys() - {"account_name", "account_number", "lines", "text"}
    account = {"account_name": account_name, "account_number": show_account(message.account_id, number)}
    return LetterRow(**account, **{name: getattr(message, name) for name in shown})


def _build_task_rows(session: Session, rows: Sequence[Any]) -> list[TaskRow]:
    called = load_called_invoices(session, [task.id for task, _, _ in rows if task.kind == TaskKind.CALL])
    return [
        TaskRow(
            **task.model_dump(exclude={"key"}),
            account_name=account_name,
            invoice_number=invoice_number,
            invoices=called.get(task.id, []),
            escalation=find_answerable_escalation(task.key) if task.kind == TaskKind.ESCALATION else None,
        )
        for task, account_name, invoice_number in rows
    ]


def _attach_letter_lines(session: Session, letters: list[LetterRow]) -> None:
    by_id = {letter.id: letter for letter in letters}
    statement = select(MessageLine, col(Invoice.number), col(Invoice.currency)).join(Invoice, col(Invoice.id) == MessageLine.invoice_id)
    mine = statement.where(col(MessageLine.message_id).in_(by_id)).order_by(col(MessageLine.id))
    for line, number, currency in session.execute(mine):
        by_id[line.message_id].lines.append(
            LetterLineRow(
                invoice_id=line.invoice_id,
                number=number,
                step=line.step,
                open_balance=line.open_balance,
                currency=currency,
                days_past_due=line.days_past_due,
                named_as=NamedAs(line.named_as),
            )
        )


def _extract_plain_text(content: bytes) -> str:
    body = BytesParser(EmailMessage, policy=policy.default).parsebytes(content).get_body(preferencelist=("plain",)) if content else None
    return str(body.get_content()) if body is not None else ""
