"""What people wrote about an account, its invoices and its cases."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, tuple_
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Invoice, Note
from adapters.read_model.cursors import decode_cursor, paginate_rows


class NoteRow(BaseModel):
    """One note; `written_at` is business time. The text is empty once the account was erased."""

    model_config = ConfigDict(frozen=True)

    id: str
    account_id: str
    invoice_id: str | None
    invoice_number: str | None
    author: str
    text: str
    written_at: datetime


def list_notes(database: Database, account_id: str, limit: int, cursor: str | None = None) -> tuple[list[NoteRow], str | None]:
    """List an account's notes, the latest first: those about it, its invoices, its calls and its cases."""
    statement = (
        select(Note, col(Invoice.number)).outerjoin(Invoice, col(Invoice.id) == Note.invoice_id).where(col(Note.account_id) == account_id)
    )
    if place := decode_cursor(cursor, datetime, str):
        statement = statement.where(tuple_(col(Note.written_at), col(Note.id)) < tuple_(*place))
    statement = statement.order_by(col(Note.written_at).desc(), col(Note.id).desc()).limit(limit + 1)
    with database.reading() as session:
        rows, following = paginate_rows(session.execute(statement).all(), limit, lambda row: (row[0].written_at.isoformat(), row[0].id))
        return [NoteRow(**note.model_dump(), invoice_number=number) for note, number in rows], following
