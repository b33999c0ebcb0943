"""The account's call: one open task for all its invoices that ask for one, however many they are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, and_, bindparam, func, literal, or_, select, update
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import CallRequest, Invoice, Task
from domain.case.case_view import TaskKind
from domain.case_write import CaseWrite
from domain.correspondence.letter_outcome import DropReason
from domain.invoice.commands import CallCourse, CallOutcome
from domain.invoice.requested_call import ASSIGNMENT_MARK, ESCALATED_CALL_PREFIX

MAX_JOINS = 5
"""How often an invoice tries to join the account's call, while others end it in that very moment."""

REPEAT_PREFIX = "again:"
"""With which a request begins that somebody made with a day of their own, rather than a step of the invoice."""

_KNOWN_REQUESTS_QUERY = (
    select(col(CallRequest.invoice_id), col(CallRequest.step), col(Task.key))
    .join(Task, col(Task.id) == col(CallRequest.task_id))
    .where(col(CallRequest.invoice_id).in_(bindparam("invoices", expanding=True)))
)
_OPEN_CALLS_QUERY = (
    select(col(Task.id), col(Task.key), col(Task.account_id), col(Task.due_on))
    .where(col(Task.account_id).in_(bindparam("accounts", expanding=True)))
    .where(col(Task.kind) == TaskKind.CALL.value, col(Task.state) == TaskState.OPEN.value)
    .with_for_update()
)


class CallOrder(NamedTuple):
    """A call that an invoice's step asks for, on a day in the customer's time zone. `key` is the task's, if this is the first to ask."""

    key: str
    account_id: str
    invoice_id: str
    step: str
    assignee: str | None
    due_on: date


class CallTaskStore:
    """Joins what invoices ask for to their accounts' open calls, in the transaction of their journal writes."""

    def __init__(self, database: Database) -> None:
        self._insert_task: Insert = database.build_insert_or_ignore(Task)
        self._insert_request: Insert = database.build_insert_or_ignore(CallRequest)

    def join(self, connection: Connection, orders: Sequence[CallOrder]) -> dict[str, str]:
        """Add each order to its account's open call, which is opened where there is none; return the key of its task by invoice. An order
        that was added before, for a call that may be over, is not added again."""
        keys: dict[str, str] = {}
        steps = {order.invoice_id: order.step for order in orders}
        if not steps:
            return keys
        for known in connection.execute(_KNOWN_REQUESTS_QUERY, {"invoices": list(steps)}):
            if steps[known.invoice_id] == known.step:
                keys[known.invoice_id] = known.key
        pending = sorted((order for order in orders if order.invoice_id not in keys), key=lambda order: order.account_id)
        for _ in range(MAX_JOINS):
            if pending:
                keys |= self._join_open_calls(connection, pending)
                pending = [order for order in pending if order.invoice_id not in keys]
        if pending:
            raise RuntimeError(f"the call of the account {pending[0].account_id} is ended again and again while an invoice joins it")
        return keys

    def _join_open_calls(self, connection: Connection, orders: Sequence[CallOrder]) -> dict[str, str]:
        tasks = [
            Task(key=order.key, kind=TaskKind.CALL, account_id=order.account_id, assignee=order.assignee, due_on=order.due_on)
            for order in orders
        ]
        connection.execute(self._insert_task, [task.model_dump(exclude={"id"}) for task in tasks])
        calls = {call.account_id: call for call in connection.execute(_OPEN_CALLS_QUERY, {"accounts": [o.account_id for o in orders]})}
        joined = [(order, calls[order.account_id]) for order in orders if order.account_id in calls]
        if not joined:
            return {}
        rows = [
            CallRequest(invoice_id=order.invoice_id, step=order.step, task_id=call.id, due_on=order.due_on).model_dump()
            for order, call in joined
        ]
        connection.execute(self._insert_request, rows)
        earliest: dict[int, date] = {}
        for order, call in joined:
            earliest[call.id] = min(earliest.get(call.id, call.due_on), order.due_on)
        for call in calls.values():
            if earliest[call.id] < call.due_on:
                connection.execute(update(Task).where(col(Task.id) == call.id).values(due_on=earliest[call.id]))
        return {order.invoice_id: call.key for order, call in joined}


def drop_settled_calls(connection: Connection, invoice_ids: Collection[str]) -> None:
    """Nobody need call about invoices that are settled; a call for which no other invoice asks is dropped with them."""
    if not invoice_ids:
        return
    settled = (col(CallRequest.invoice_id).in_(invoice_ids), col(CallRequest.state) == TaskState.OPEN)
    dropped = update(CallRequest).where(*settled).values(state=TaskState.DROPPED).returning(col(CallRequest.task_id))
    task_ids = sorted(set(connection.execute(dropped).scalars()))
    _end_unasked_calls(connection, task_ids, {"state": TaskState.DROPPED, "outcome": DropReason.SETTLED.value})


def drop_refused_repeats(connection: Connection, act_ids: Collection[str]) -> None:
    """Nobody need look again at what was refused: a dispute that was to be raised, and was not."""
    refused = (col(CallRequest.step).in_([f"{REPEAT_PREFIX}{act_id}" for act_id in act_ids]), col(CallRequest.state) == TaskState.OPEN)
    dropped = update(CallRequest).where(*refused).values(state=TaskState.DROPPED).returning(col(CallRequest.task_id))
    task_ids = sorted(set(connection.execute(dropped).scalars()))
    _end_unasked_calls(connection, task_ids, {"state": TaskState.DROPPED})


def close_account_call(
    database: Database,
    account_id: str,
    told: Collection[str],
    outcome: CallOutcome | CallCourse,
    closed_by: str,
    *,
    call_id: str = "",
    made_on: date | None = None,
) -> None:
    """End the account's open call for the invoices that were told of it: it stays open while another asks for it, which came meanwhile.
    That which the call `call_id` asked for itself is not ended by it; nor is what people named a later day for than that on which it was
    made, such as the day of a dispute. Without that day, all is called off."""
    own_key = build_repeat_key(call_id)
    with database.writing() as session:
        connection = session.connection()
        task_ids = [call.id for call in connection.execute(_OPEN_CALLS_QUERY, {"accounts": [account_id]}) if call.key != own_key]
        asked = [col(CallRequest.task_id).in_(task_ids), col(CallRequest.state) == TaskState.OPEN, col(CallRequest.invoice_id).in_(told)]
        if made_on:
            asked.append(~and_(col(CallRequest.step).startswith(REPEAT_PREFIX, autoescape=True), col(CallRequest.due_on) > made_on))
        connection.execute(update(CallRequest).where(*asked).values(state=TaskState.DONE))
        _end_unasked_calls(connection, task_ids, {"state": TaskState.DONE, "outcome": outcome.value, "closed_by": closed_by})


def close_call_requests(connection: Connection, task_id: int) -> None:
    """End what the invoices asked for in a task that a person closed."""
    asked = (col(CallRequest.task_id) == task_id, col(CallRequest.state) == TaskState.OPEN)
    connection.execute(update(CallRequest).where(*asked).values(state=TaskState.DONE))


def _end_unasked_calls(connection: Connection, task_ids: Sequence[int], ending: Mapping[str, Any]) -> None:
    """End those of the open calls for which no invoice asks any more; the others are due when the first of the rest is."""
    rest = select(col(CallRequest.task_id), func.min(col(CallRequest.due_on)).label("due_on"))
    rest = rest.where(col(CallRequest.task_id).in_(task_ids), col(CallRequest.state) == TaskState.OPEN).group_by(col(CallRequest.task_id))
    due_dates = {row.task_id: row.due_on for row in connection.execute(rest)} if task_ids else {}
    for task_id in task_ids:
        changes = {"due_on": due_dates[task_id]} if task_id in due_dates else ending
        connection.execute(update(Task).where(col(Task.id) == task_id, col(Task.state) == TaskState.OPEN).values(changes))
    end_call_escalations(connection, [task_id for task_id in task_ids if task_id not in due_dates], ending)


def end_call_escalations(connection: Connection, task_ids: Sequence[int], ending: Mapping[str, Any]) -> None:
    """What was escalated because nobody called is over with the call."""
    calls = select(literal("escalation:") + col(Task.key)).where(col(Task.id).in_(task_ids), col(Task.kind) == TaskKind.CALL)
    keys = list(connection.execute(calls).scalars()) if task_ids else []
    for key in keys:
        again = col(Task.key).startswith(f"{key}{ASSIGNMENT_MARK}", autoescape=True)
        its = (col(Task.kind) == TaskKind.ESCALATION, col(Task.state) == TaskState.OPEN, or_(col(Task.key) == key, again))
        connection.execute(update(Task).where(*its).values(ending))


def is_call_escalation() -> Any:
    """Tasks by which an account's call was escalated: they end with the call, not with the invoice that raised them."""
    return col(Task.key).startswith(ESCALATED_CALL_PREFIX, autoescape=True)


def find_raised_escalations(connection: Connection, records: Sequence[CaseWrite]) -> dict[str, list[str]]:
    """Find the escalations of calls that each case asks for and was the first to ask for; a write that is repeated finds them again."""
    asked = {record.case.case_id: [r.key for r in record.errands if r.while_open and not r.done_by] for record in records}
    keys = {key for of_case in asked.values() for key in of_case}
    if not keys:
        return {}
    raised_by = dict(connection.execute(select(col(Task.key), col(Task.invoice_id)).where(col(Task.key).in_(keys))).all())
    invoices = {record.case.case_id: record.case.invoice_id for record in records}
    found = {case_id: [key for key in of_case if raised_by.get(key) == invoices[case_id]] for case_id, of_case in asked.items()}
    return {case_id: raised for case_id, raised in found.items() if raised}


def assign_account_call(database: Database, account_id: str, assignee: str) -> None:
    """Give the account's open call to somebody."""
    calls = (col(Task.account_id) == account_id, col(Task.kind) == TaskKind.CALL, col(Task.state) == TaskState.OPEN)
    with database.writing() as session:
        session.execute(update(Task).where(*calls).values(assignee=assignee))


def list_called_invoices(database: Database, account_id: str) -> list[str]:
    """List the ids of the open invoices that ask for the account's call, in order of their due dates."""
    statement = (
        select(col(CallRequest.invoice_id))
        .join(Task, col(Task.id) == col(CallRequest.task_id))
        .join(Invoice, col(Invoice.id) == col(CallRequest.invoice_id))
        .where(col(Task.account_id) == account_id, col(CallRequest.state) == TaskState.OPEN)
        .order_by(col(Invoice.due_date), col(Invoice.id))
    )
    with database.reading() as session:
        return list(dict.fromkeys(session.scalars(statement)))


def open_account_call(
    database: Database, account_id: str, call_id: str, invoice_ids: Sequence[str], assignee: str | None, due_on: date
) -> None:
    """Have the account called again on a day, about these invoices. Where it is to be called anyway, that call takes it in."""
    store, key = CallTaskStore(database), build_repeat_key(call_id)
    orders = [CallOrder(key, account_id, invoice_id, f"{REPEAT_PREFIX}{call_id}", assignee, due_on) for invoice_id in invoice_ids]
    with database.writing() as session:
        store.join(session.connection(), orders)
        if not orders:
            task = Task(key=key, kind=TaskKind.CALL, account_id=account_id, assignee=assignee, due_on=due_on)
            session.execute(database.build_insert_or_ignore(Task).values(**task.model_dump(exclude={"id"})))


def build_repeat_key(call_id: str) -> str:
    """Build the key of the task by which a call is to be made again."""
    return f"{TaskKind.CALL}:{call_id}"
