"""Notes on accounts and invoices."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import AccountNoteRecord, Note
from adapters.mentions.mention_store import MentionStore
from domain.invoice.escalation import find_answerable_escalation
from domain.journal.entry import FactValue

BATCH_SIZE = 500
MOST_CHARACTERS = 160
"""Of a remark as it stands in a sentence: about a line."""

CUT_SIGN = "…"


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


def load_escalation_remarks(session: Session, task_keys: Iterable[str]) -> dict[str, dict[str, FactValue]]:
    """By the keys of their tasks: who escalated it, as `user`, and what for, as `remark`. Nothing for one without a note, or whose note was
    erased."""
    notes = {build_note_id(escalation): key for key in task_keys if (escalation := find_answerable_escalation(key))}
    found: dict[str, dict[str, FactValue]] = {}
    note_ids = list(notes)
    for start in range(0, len(note_ids), BATCH_SIZE):
        these = note_ids[start : start + BATCH_SIZE]
        written = select(col(Note.id), col(Note.author), col(Note.text)).where(col(Note.id).in_(these))
        found |= {notes[note_id]: {"user": author, "remark": _cut_to_line(said)} for note_id, author, said in session.execute(written)}
    return found


def _cut_to_line(said: str) -> str:
    """In one line, the end left out where it is long."""
    line = " ".join(said.split())
    return line if len(line) <= MOST_CHARACTERS else line[:MOST_CHARACTERS].rsplit(" ", 1)[0] + CUT_SIGN
