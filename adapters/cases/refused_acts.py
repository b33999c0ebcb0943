"""Acts that were taken in to be applied later, and that their case then refused: what was kept with them is taken back."""

from collections.abc import Sequence

from sqlalchemy import Connection

from adapters.cases.call_tasks import drop_refused_repeats
from adapters.cases.notes import build_note_id
from adapters.database.engine import Database
from adapters.mentions.mention_store import MentionStore
from domain.case_write import CaseWrite
from domain.journal.entry_kinds import EntryKind


def withdraw_refused_acts(database: Database, connection: Connection, records: Sequence[CaseWrite]) -> None:
    """Nobody is told that they are named in what was written for them, and nobody looks again at what they were to begin."""
    entries = (entry for record in records for entry in record.entries)
    acts = sorted({str(entry.facts["act"]) for entry in entries if entry.kind == EntryKind.ACT_REFUSED})
    if acts:
        MentionStore(database).withdraw_refused(connection, [build_note_id(act) for act in acts])
        drop_refused_repeats(connection, acts)
