"""Notes on accounts and invoices."""

from datetime import datetime

from adapters.database.engine import Database
from adapters.database.tables import Note


def save_note(database: Database, act_id: str, account_id: str, invoice_id: str | None, author: str, text: str, now: datetime) -> str:
    """Return the note's id, which derives from the command: a repeated command keeps one note. `now` is business time (UTC)."""
    note_id = f"note:{act_id}"
    note = {"id": note_id, "account_id": account_id, "invoice_id": invoice_id, "author": author, "text": text, "written_at": now}
    with database.writing() as session:
        session.execute(database.build_insert_or_ignore(Note).values(**note))
    return note_id
