"""Notes on accounts and invoices."""

from datetime import datetime

from adapters.database.engine import Database
from adapters.database.tables import AccountNoteRecord, Note
from adapters.mentions.mention_store import MentionStore


def save_note(database: Database, act_id: str, account_id: str, invoice_id: str | None, author: str, text: str, now: datetime) -> str:
    """Keep a note, and whom it names; return its id, which derives from the command: a repeated command keeps one note. `now` is business
    time (UTC)."""
    note = Note(id=build_note_id(act_id), account_id=account_id, invoice_id=invoice_id, author=author, text=text, written_at=now)
    mentions = MentionStore(database)
    named = mentions.find_named(note)
    with database.writing() as session:
        session.execute(database.build_insert_or_ignore(Note).values(**note.model_dump()))
        mentions.keep_mentions(session, note, named)
    return note.id


def build_note_id(act_id: str) -> str:
    return f"note:{act_id}"


def record_account_note(database: Database, note_id: str, recorded_at: datetime) -> None:
    """Record a note that no case's journal names: a settled invoice's case takes no command. Recorded once; `recorded_at` is real time."""
    with database.writing() as session:
        note = session.get_one(Note, note_id)
        record = {
            "note_id": note.id,
            "account_id": note.account_id,
            "invoice_id": note.invoice_id,
            "author": note.author,
            "written_at": note.written_at,
            "recorded_at": recorded_at,
        }
        session.execute(database.build_insert_or_ignore(AccountNoteRecord).values(**record))
