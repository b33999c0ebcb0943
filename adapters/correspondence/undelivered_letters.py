"""The requests of steps whose letters did not arrive, or may not have: what a person decides reaches those that ask again, too."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, exists, select, update
from sqlmodel import col

from adapters.correspondence.contact_requests import UNDER_WAY_STATES
from adapters.database.row_states import ContactRequestState, MessageState, TaskState
from adapters.database.tables import ContactRequest, Message, MessageLine, Task
from domain.case.case_view import TaskKind
from domain.case_write import CaseWrite
from domain.correspondence.letter_outcome import SKIPPED, WaivedLetter

_UNDELIVERED_STATES = (ContactRequestState.REFUSED, ContactRequestState.UNKNOWN)


def lock_stoppable_requests(connection: Connection, *conditions: Any) -> list[int]:
    """Lock the requests under way that no letter on the wire carries; their ids. A letter that is intended is locked with them, so that it
    does not begin meanwhile."""
    waiting = select(col(ContactRequest.id), col(ContactRequest.message_id)).where(col(ContactRequest.state).in_(UNDER_WAY_STATES))
    rows = connection.execute(waiting.where(*conditions).order_by(col(ContactRequest.id))).all()
    claiming = [row.message_id for row in rows if row.message_id is not None]
    intended = select(col(Message.id)).where(col(Message.id).in_(claiming), col(Message.state) == MessageState.INTENDED)
    locked = set(connection.scalars(intended.order_by(col(Message.id)).with_for_update())) if claiming else set()
    stoppable = [row.id for row in rows if row.message_id is None or row.message_id in locked]
    still = select(col(ContactRequest.id)).where(col(ContactRequest.id).in_(stoppable), col(ContactRequest.state).in_(UNDER_WAY_STATES))
    return list(connection.scalars(still.with_for_update())) if stoppable else []


def lock_requests_asked_again(connection: Connection, letter: int) -> list[int]:
    """Lock the requests that ask again for what a refused letter was to do, unless another letter with them is on the wire; their ids."""
    steps = select(col(MessageLine.invoice_id), col(MessageLine.step)).where(col(MessageLine.message_id) == letter)
    named = [(row.invoice_id, row.step) for row in connection.execute(steps) if row.step]
    asking = select(col(ContactRequest.id), col(ContactRequest.invoice_id), col(ContactRequest.step))
    asking = asking.where(col(ContactRequest.invoice_id).in_([invoice for invoice, _ in named]))
    ids = [row.id for row in connection.execute(asking) if (row.invoice_id, row.step) in named]
    return lock_stoppable_requests(connection, col(ContactRequest.id).in_(ids)) if ids else []


def waive_letters(connection: Connection, records: Sequence[CaseWrite]) -> None:
    """Withdraw the letters that people decided to go on without. One that is on the wire goes, and its invoice hears of it."""
    for record in records:
        for waived in record.waived:
            _waive_letter(connection, record, waived)


def _waive_letter(connection: Connection, record: CaseWrite, waived: WaivedLetter) -> None:
    its_step = (col(ContactRequest.invoice_id) == record.case.invoice_id, col(ContactRequest.step) == waived.step)
    stoppable = lock_stoppable_requests(connection, *its_step)
    undelivered = and_(*its_step, col(ContactRequest.state).in_(_UNDELIVERED_STATES))
    withdrawn = {"state": ContactRequestState.WITHDRAWN, "reason": SKIPPED, "ended_at": record.now, "told": True}
    connection.execute(update(ContactRequest).where(undelivered).values(withdrawn))
    if stoppable:
        connection.execute(update(ContactRequest).where(col(ContactRequest.id).in_(stoppable)).values(withdrawn))
    _end_decided_tasks(connection, record.case.invoice_id or "", waived)


def _end_decided_tasks(connection: Connection, invoice_id: str, waived: WaivedLetter) -> None:
    """End the tasks about the letters that named the step, and did not arrive for sure, where no other invoice waits for a decision."""
    lines, others, requests = MessageLine.__table__, MessageLine.__table__.alias(), ContactRequest.__table__  # type: ignore[attr-defined]
    is_step_of = and_(requests.c.invoice_id == others.c.invoice_id, requests.c.step == others.c.step)
    waits = exists().where(
        others.c.message_id == lines.c.message_id, is_step_of, requests.c.state.in_((*UNDER_WAY_STATES, *_UNDELIVERED_STATES))
    )
    its_letters = select(lines.c.message_id).where(lines.c.invoice_id == invoice_id, lines.c.step == waived.step, ~waits)
    connection.execute(
        update(Task)
        .where(
            col(Task.message_id).in_(its_letters),
            col(Task.kind).in_((TaskKind.REFUSED_LETTER, TaskKind.UNKNOWN_LETTER)),
            col(Task.state) == TaskState.OPEN,
        )
        .values(state=TaskState.DONE, closed_by=waived.by, outcome=SKIPPED)
    )
