"""Which of the contacts' addresses take letters: one whose mail server refused it for good counts as none, until a letter is taken there,
a person says that it takes them, or the contact gets another address."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, exists, select, update
from sqlmodel import Session

from adapters.database.tables import Contact, Message

# Statements are built once, on the tables themselves: one of them runs with every batch of letters.

_CONTACTS, _MESSAGES = Contact.__table__, Message.__table__  # type: ignore[attr-defined]
_OF_LETTERS = _MESSAGES.c.id.in_(bindparam("messages", expanding=True))
_MARK = (
    update(_CONTACTS)
    .where(
        _CONTACTS.c.account_id.in_(select(_MESSAGES.c.account_id).where(_OF_LETTERS)),
        exists().where(_OF_LETTERS, _MESSAGES.c.account_id == _CONTACTS.c.account_id, _MESSAGES.c.recipient == _CONTACTS.c.email),
    )
    .values(undeliverable_since=bindparam("since"))
)
_MARK_UNDELIVERABLE = _MARK.where(_CONTACTS.c.undeliverable_since.is_(None))
_MARK_REACHABLE = _MARK.where(_CONTACTS.c.undeliverable_since.is_not(None))


def mark_address_undeliverable(session: Session, message: int, since: datetime) -> None:
    """The address to which the letter went takes none. `since` is business time; an earlier time stands."""
    session.connection().execute(_MARK_UNDELIVERABLE, {"messages": [message], "since": since})


def mark_addresses_reachable(session: Session, messages: Sequence[int]) -> None:
    """The addresses to which the letters went take letters."""
    if messages:
        session.connection().execute(_MARK_REACHABLE, {"messages": list(messages), "since": None})
