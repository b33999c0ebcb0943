"""The requests of steps whose letters did not arrive, or may not have: what a person decides reaches those that ask again, too."""

from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import col

from adapters.correspondence.contact_requests import UNDER_WAY_STATES
from adapters.database.row_states import MessageState
from adapters.database.tables import ContactRequest, Message, MessageLine


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
