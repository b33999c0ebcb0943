"""Who put which version of a policy in force, and when, as the journal tells of those that people put in force."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import JournalEntry
from domain import identifiers as ids
from domain.journal.entry_kinds import EntryKind


class VersionOrigin(NamedTuple):
    """Who asked for it, who agreed, and when it came into force (business time)."""

    requester: str
    granted_by: str
    at: datetime


def list_version_origins(database: Database, name: str) -> dict[int, VersionOrigin]:
    """By the version; one that came with the folder is not among them."""
    statement = select(col(JournalEntry.facts), col(JournalEntry.business_at)).where(
        col(JournalEntry.case_id) == ids.policy_adoption_case_id(name), col(JournalEntry.kind) == EntryKind.POLICY_PUT_IN_FORCE.value
    )
    with database.reading() as session:
        rows = session.execute(statement.order_by(col(JournalEntry.seq))).all()
    return {
        facts["policy_version"]: VersionOrigin(str(facts.get("requester") or ""), str(facts.get("granted_by") or ""), at)
        for facts, at in rows
    }
