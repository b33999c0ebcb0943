"""Mentions: kept beside the note that names somebody, in its own transaction. The journal knows nothing of them."""

from collections.abc import Collection
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, case, delete, func, select, update
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Account, Invoice, MentionRow, Note, User
from domain.mentions import find_mentions


class MentionLine(BaseModel):
    """A note that names somebody. `written_at` is business time, `read_at` real time; the text is empty once the account was erased."""

    model_config = ConfigDict(frozen=True)

    note_id: str
    account_id: str
    account_name: str
    invoice_id: str | None
    invoice_number: str | None
    author: str
    text: str
    written_at: datetime
    read_at: datetime | None


class MentionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find_named(self, note: Note) -> list[str]:
        """Whom the note names; whoever names themselves is told nothing. Found before anything is written, as a long text takes a while."""
        if "@" not in note.text:
            return []
        with self._database.reading() as session:
            active = session.scalars(select(col(User.name)).where(col(User.active))).all()
        return [user for user in find_mentions(note.text, active).users if user != note.author]

    def keep_mentions(self, session: Session, note: Note, named: Collection[str]) -> None:
        """Keep whom the note names, in the transaction that keeps the note; kept again, they stay as they are."""
        for user in named:
            mention = MentionRow(
                note_id=note.id, user_name=user, account_id=note.account_id, author=note.author, written_at=note.written_at
            )
            session.execute(self._database.build_insert_or_ignore(MentionRow).values(**mention.model_dump()))

    def withdraw_mentions(self, note_id: str) -> None:
        """What the note was written for was refused: nobody is told of it."""
        with self._database.writing() as session:
            session.execute(delete(MentionRow).where(col(MentionRow.note_id) == note_id))

    def withdraw_refused(self, connection: Connection, note_ids: Collection[str]) -> None:
        """The same, in the transaction that writes that it was refused."""
        connection.execute(delete(MentionRow).where(col(MentionRow.note_id).in_(note_ids)))

    def list_mentions(self, user: str, limit: int, *, unread: bool = False, unread_first: bool = False) -> list[MentionLine]:
        """The latest first, or before them the latest of those that are unread."""
        latest = (col(MentionRow.written_at).desc(), col(MentionRow.note_id))
        statement = (
            select(MentionRow, col(Note.text), col(Note.invoice_id), col(Invoice.number), col(Account.name))
            .join(Note, col(Note.id) == MentionRow.note_id)
            .join(Account, col(Account.id) == MentionRow.account_id)
            .outerjoin(Invoice, col(Invoice.id) == Note.invoice_id)
            .where(col(MentionRow.user_name) == user)
            .order_by(*([case((col(MentionRow.read_at).is_(None), 0), else_=1)] if unread_first else []), *latest)
            .limit(limit)
        )
        if unread:
            statement = statement.where(col(MentionRow.read_at).is_(None))
        with self._database.reading() as session:
            return [
                MentionLine(
                    **row.model_dump(exclude={"user_name"}), text=text, invoice_id=invoice_id, invoice_number=number, account_name=name
                )
                for row, text, invoice_id, number, name in session.execute(statement)
            ]

    def count_unread(self, user: str) -> int:
        statement = select(func.count()).where(col(MentionRow.user_name) == user, col(MentionRow.read_at).is_(None))
        with self._database.reading() as session:
            return session.scalar(statement) or 0

    def mark_read(self, user: str, note_ids: Collection[str] | None, at: datetime) -> int:
        """Mark the user's own mentions in these notes, or all, as read at a real time; return how many were not before."""
        mine = [col(MentionRow.user_name) == user, col(MentionRow.read_at).is_(None)]
        if note_ids is not None:
            mine.append(col(MentionRow.note_id).in_(list(note_ids)))
        with self._database.writing() as session:
            marked = session.execute(update(MentionRow).where(*mine).values(read_at=at).returning(col(MentionRow.note_id)))
            return len(marked.all())

    def load_people(self) -> dict[str, str]:
        """All active users by name, each with the full name, which may be empty."""
        with self._database.reading() as session:
            people = select(col(User.name), col(User.full_name)).where(col(User.active)).order_by(col(User.name))
            return {row.name: row.full_name for row in session.execute(people)}
