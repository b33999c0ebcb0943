"""Check that every version of a policy, and of the approval matrix, has the text that cases pinned."""

from collections.abc import Iterator
from hashlib import sha256

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.audit.verification.journal_evidence import JournalEvidence
from adapters.database.tables import PolicyVersion
from domain.audit.verification_report import VerificationFinding
from domain.journal.entry_kinds import EntryKind
from domain.policy.approval_matrix import MATRIX_POLICY_NAME

PINNING_KINDS = (EntryKind.CASE_OPENED, EntryKind.POLICY_ADOPTED, EntryKind.APPROVAL_REQUESTED)
PinnedVersion = tuple[str, str, str]
"""Name, version and SHA-256."""


class PolicyCheck:
    """Compares the stored policies with the first entry that pinned each version; these are few, and kept in memory."""

    table, kinds = "policies", frozenset(kind.value for kind in PINNING_KINDS)

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pinned: dict[PinnedVersion, JournalEvidence] = {}

    def add_evidence(self, entry: JournalEvidence) -> None:
        if entry.kind in self.kinds:
            if digest := entry.get_text("policy_sha256"):
                self._pinned.setdefault((entry.get_text("policy"), entry.get_text("policy_version"), digest), entry)
            if digest := entry.get_text("matrix_sha256"):
                self._pinned.setdefault((MATRIX_POLICY_NAME, entry.get_text("matrix_version"), digest), entry)

    def check_evidence(self) -> Iterator[VerificationFinding]:
        """Find nothing yet: the pinned versions are compared at the end."""
        return iter(())

    def finish(self) -> Iterator[VerificationFinding]:
        """Find texts that were changed, with their SHA-256 or without, and versions that are missing or were never pinned with this
        text."""
        rows = self._session.execute(
            select(col(PolicyVersion.name), col(PolicyVersion.version), col(PolicyVersion.snapshot), col(PolicyVersion.sha256))
        )
        unmatched = dict(self._pinned)
        for name, version, text, stored in rows:
            digest = sha256(text.encode()).hexdigest()
            pins = {pin: unmatched.pop(pin) for pin in list(unmatched) if pin[:2] == (name, str(version))}
            contradicting = next((entry for pin, entry in pins.items() if digest != pin[2] or stored != pin[2]), None)
            if contradicting:
                yield contradicting.build_finding(self.table, f"{name}/{version}", "is not what was pinned: it was changed")
            elif digest != stored:
                yield VerificationFinding(
                    table=self.table, key=f"{name}/{version}", what="its text does not make its SHA-256: it was changed"
                )
        for (name, version, _), entry in unmatched.items():
            yield entry.build_finding(self.table, f"{name}/{version}", "is missing, and was pinned")
