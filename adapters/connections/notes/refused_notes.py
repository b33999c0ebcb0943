"""Which entries of the journal were noted in connected systems, and which these refused: a picklist without a value, a rule, a field that
must be filled. What was refused waits, with the reason, until somebody has put it right there and wants it tried again."""

from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy import func, select, update
from sqlmodel import col

from adapters.billing.external_key import SystemKey
from adapters.database.engine import Database
from adapters.database.tables import ExternalNoteRow

MAX_REASON_LENGTH = 500

log = structlog.get_logger(__name__)


class RefusedNotes(NamedTuple):
    """Of one system. `why`: the reason of the latest."""

    number: int
    why: str


def note_entry(database: Database, system: SystemKey, entry: str, recorded_at: datetime, refusal: str = "") -> None:
    """`refusal`: in the system's words; empty where it was noted."""
    if refusal:
        log.warning("external_note_refused", system=system.system, entry=entry, reason=refusal)
    with database.writing() as session:
        row = session.get(ExternalNoteRow, (system.system, system.company, entry))
        if row is None:
            row = ExternalNoteRow(system=system.system, company=system.company, entry=entry, recorded_at=recorded_at)
        row.refusal, row.attempts, row.is_due = refusal[:MAX_REASON_LENGTH], row.attempts + 1, False
        session.add(row)


def list_refused_notes(database: Database) -> dict[SystemKey, RefusedNotes]:
    of_system = (col(ExternalNoteRow.system), col(ExternalNoteRow.company))
    refused = select(*of_system, func.count(), func.max(col(ExternalNoteRow.recorded_at))).where(col(ExternalNoteRow.refusal) != "")
    found: dict[SystemKey, RefusedNotes] = {}
    with database.reading() as session:
        for system, company, number, latest in session.execute(refused.group_by(*of_system)).all():
            mine = (of_system[0] == system, of_system[1] == company, col(ExternalNoteRow.recorded_at) == latest)
            why = select(col(ExternalNoteRow.refusal)).where(*mine, col(ExternalNoteRow.refusal) != "").limit(1)
            found[SystemKey(system, company)] = RefusedNotes(number, session.scalar(why) or "")
    return found


def retry_refused_notes(database: Database, system: SystemKey) -> int:
    """Have the next run try them again; how many there are."""
    mine = (col(ExternalNoteRow.system) == system.system, col(ExternalNoteRow.company) == system.company)
    with database.writing() as session:
        refused = update(ExternalNoteRow).where(*mine, col(ExternalNoteRow.refusal) != "").values(is_due=True)
        return int(session.execute(refused).rowcount)  # type: ignore[attr-defined]
