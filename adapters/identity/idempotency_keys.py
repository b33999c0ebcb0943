"""The keys under which requests were sent, and the answers that they got: a repeated request gets its first answer.

Only an answer that changed something is kept. Times are real.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, update
from sqlmodel import col, select

from adapters.database.engine import Database
from adapters.database.tables import IdempotencyKey

ABANDONED_AFTER = timedelta(minutes=2)
"""A request that is in progress for longer has lost its server: its key may be taken over. Derived ids keep it from counting twice."""

KEY_RETENTION = timedelta(days=7)


class KeyReusedError(ValueError):
    """The key belongs to another request."""


class RequestInProgressError(RuntimeError):
    """The same request is being handled at this moment."""


class StoredAnswer(NamedTuple):
    """The HTTP status and the JSON body of an answer."""

    status: int
    body: Any


class IdempotencyKeyStore:
    """The keys of all users. Times are real."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, key: str, user: str, request_sha256: str, now: datetime) -> StoredAnswer | None:
        """Return None when the request is new, otherwise the answer it got. Raises KeyReusedError and RequestInProgressError."""
        with self._database.writing() as session:
            session.execute(delete(IdempotencyKey).where(col(IdempotencyKey.created_at) < now - KEY_RETENTION))
            self._database.take_turns(session, IdempotencyKey.__tablename__, user, key)
            known = session.exec(select(IdempotencyKey).where(IdempotencyKey.key == key, IdempotencyKey.user == user)).one_or_none()
            if known is None:
                session.execute(insert(IdempotencyKey).values(key=key, user=user, request_sha256=request_sha256, created_at=now))
                return None
            if known.request_sha256 != request_sha256:
                raise KeyReusedError("send another request under a key of its own")
            if known.status is not None:
                return StoredAnswer(known.status, known.body)
            if known.created_at > now - ABANDONED_AFTER:
                raise RequestInProgressError("wait a moment and send it again")
            known.created_at = now
            session.add(known)
            return None

    def find_answer(self, key: str, user: str) -> StoredAnswer | None:
        """Return what a request under this key was answered, whatever it asked; None where none was, or none is yet."""
        with self._database.reading() as session:
            known = session.exec(select(IdempotencyKey).where(IdempotencyKey.key == key, IdempotencyKey.user == user)).one_or_none()
        return StoredAnswer(known.status, known.body) if known and known.status is not None else None

    def save_response(self, key: str, user: str, status: int, body: Any) -> None:
        with self._database.writing() as session:
            session.execute(
                update(IdempotencyKey)
                .where(col(IdempotencyKey.key) == key, col(IdempotencyKey.user) == user)
                .values(status=status, body=body)
            )

    def release(self, key: str, user: str) -> None:
        with self._database.writing() as session:
            session.execute(delete(IdempotencyKey).where(col(IdempotencyKey.key) == key, col(IdempotencyKey.user) == user))
