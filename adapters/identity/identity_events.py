"""The record of who signed in or failed to, and who changed whose roles, tokens and passwords. Nothing in it is ever changed."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlmodel import Session

from adapters.database.row_states import IdentityChannel, IdentityEventKind
from adapters.database.tables import IdentityEventRow
from domain.roles import Role


class ChangeAuthor(NamedTuple):
    """Who does something to users, roles, tokens or sessions, by which way, and from which address; empty where nobody said so."""

    user: str
    channel: IdentityChannel
    address: str = ""


NOBODY_NAMED = ChangeAuthor("", IdentityChannel.COMMAND_LINE)


def record_identity_event(
    session: Session, kind: IdentityEventKind, user: str, by: ChangeAuthor, role: Role | None = None, detail: str = ""
) -> None:
    """Write down what happens to `user`, in the transaction in which it happens."""
    session.add(
        IdentityEventRow(
            kind=kind,
            user=user,
            role=role.value if role else "",
            made_by=by.user,
            channel=by.channel,
            address=by.address,
            detail=detail,
            recorded_at=datetime.now(UTC),
        )
    )
