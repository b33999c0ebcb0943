"""Check that the journal records each erasure, and list what erasures took lawfully."""

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Text, cast, select
from sqlmodel import Session, col

from adapters.audit.verification.journal_evidence import JournalEvidence, parse_json_object
from adapters.database.tables import ErasureRow
from domain.audit.verification_report import VerificationFinding
from domain.journal.entry_kinds import EntryKind


class ErasedRecords:
    """The erased records of an account, by its stored reports, which are read on first use."""

    def __init__(self, session: Session, account_id: str) -> None:
        self._session, self._account_id = session, account_id

    @cached_property
    def _reports(self) -> list[dict[str, Any]]:
        stored = select(cast(col(ErasureRow.report), Text)).where(col(ErasureRow.account_id) == self._account_id)
        return [parse_json_object(report) for report in self._session.scalars(stored)]

    @cached_property
    def letters(self) -> dict[str, str]:
        """The SHA-256 of each letter's content by its Message-ID."""
        return {letter: digest for report in self._reports for letter, digest in dict(report.get("letters") or {}).items()}

    @cached_property
    def documents(self) -> set[str]:
        """The SHA-256 of each erased document."""
        return {digest for report in self._reports for digest in report.get("documents") or []}


class ErasureCheck:
    """Compares the reports of erasures with the journal: a forged report would excuse any missing letter.

    `settled_before`: a report recorded later, in real time, may not have been journalled yet.
    """

    table, kinds = "erasures", frozenset({EntryKind.ACCOUNT_ERASED.value})

    def __init__(self, session: Session, settled_before: datetime) -> None:
        self._session, self._settled_before = session, settled_before
        self._entries: dict[str, JournalEvidence] = {}

    def add_evidence(self, entry: JournalEvidence) -> None:
        if entry.kind in self.kinds:
            self._entries[entry.get_text("report")] = entry

    def check_evidence(self) -> Iterator[VerificationFinding]:
        """Find nothing yet: erasures are few, and their entries are kept to the end."""
        return iter(())

    def finish(self) -> Iterator[VerificationFinding]:
        rows = self._session.execute(select(col(ErasureRow.key), col(ErasureRow.account_id), col(ErasureRow.recorded_at)))
        for row in rows:
            entry = self._entries.pop(row.key, None)
            if entry is None and row.recorded_at < self._settled_before:
                yield VerificationFinding(table=self.table, key=row.key, what="is told of by no entry: it was put in")
            elif entry is not None and entry.account_id != row.account_id:
                yield entry.build_finding(self.table, row.key, f"is not of the account {row.account_id}")
        for key, entry in self._entries.items():
            yield entry.build_finding(self.table, key, "is missing")
