"""Check that every signature given in another's place was covered by a delegation which is stored as it was then."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.audit.verification.journal_evidence import JournalEvidence, split_batches
from adapters.database.tables import DelegationRow
from domain.audit.verification_report import VerificationFinding
from domain.journal.entry_kinds import EntryKind
from domain.roles import is_same_person


class DelegationCheck:
    """Compares delegations with the approvals that were decided under them. One under which nobody has signed is in no journal."""

    table = "delegations"
    kinds = frozenset({EntryKind.APPROVAL_SIGNED.value, EntryKind.APPROVAL_REJECTED.value, EntryKind.APPROVAL_RETURNED.value})

    def __init__(self, session: Session) -> None:
        self._session = session
        self._entries: list[JournalEvidence] = []

    def add_evidence(self, entry: JournalEvidence) -> None:
        if entry.kind in self.kinds and entry.get_text("delegation"):
            self._entries.append(entry)

    def check_evidence(self) -> Iterator[VerificationFinding]:
        entries, self._entries = self._entries, []
        for batch in split_batches(entries):
            ids = {entry.get_text("delegation") for entry in batch}
            stored = {row.delegation_id: row for row in self._session.scalars(_SELECT.where(col(DelegationRow.delegation_id).in_(ids)))}
            for entry in batch:
                key = entry.get_text("delegation")
                if what := _compare_with_entry(stored.get(key), entry):
                    yield entry.build_finding(self.table, key, what)

    def finish(self) -> Iterator[VerificationFinding]:
        yield from self.check_evidence()


_SELECT = select(DelegationRow)


def _compare_with_entry(row: Any, entry: JournalEvidence) -> str | None:
    """Say why the delegation could not cover the signature; None where it could. `row` is None where there is no such delegation."""
    if row is None:
        return "is missing, and somebody signed under it"
    if not is_same_person(row.to_user, entry.actor) or not is_same_person(row.from_user, entry.get_text("on_behalf_of")):
        return f"is from {row.from_user} to {row.to_user}, and {entry.actor} signed under it for {entry.get_text('on_behalf_of')}"
    if row.role != entry.get_text("role"):
        return f"is for the role {row.role}, and the signature was given as {entry.get_text('role')}"
    signed_at = datetime.fromisoformat(entry.business_at)
    if not row.first_day <= signed_at.date() <= row.last_day:
        return f"is from {row.first_day} to {row.last_day}, and covered a signature of {signed_at.date()}"
    if row.revoked_at and row.revoked_at < signed_at:
        return f"is said to have been revoked at {row.revoked_at}, and covered a signature after that"
    return None
