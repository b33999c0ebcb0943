"""Check that every version of a policy, and of the approval matrix, has the text that cases pinned."""

from collections.abc import Iterator
from hashlib import sha256

from sqlalchemy import Text, cast, select
from sqlmodel import Session, col

from adapters.audit.verification.journal_evidence import JournalEvidence, build_finding, parse_json_object
from adapters.database.tables import PolicyVersion, Setting
from adapters.policies.in_force import IN_FORCE_SETTING
from domain.audit.verification_report import VerificationFinding
from domain.journal.entry_kinds import EntryKind
from domain.policy.approval_matrix import MATRIX_POLICY_NAME

PINNING_KINDS = (EntryKind.CASE_OPENED, EntryKind.POLICY_ADOPTED, EntryKind.POLICY_PUT_IN_FORCE, EntryKind.APPROVAL_REQUESTED)
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
        columns = (col(PolicyVersion.name), col(PolicyVersion.version), col(PolicyVersion.snapshot), col(PolicyVersion.sha256))
        rows = self._session.execute(select(*columns, cast(col(PolicyVersion.segments), Text))).all()
        unmatched = dict(self._pinned)
        for name, version, text, stored, segments in rows:
            digest = sha256(text.encode()).hexdigest()
            pins = {pin: unmatched.pop(pin) for pin in list(unmatched) if pin[:2] == (name, str(version))}
            contradicting = next((entry for pin, entry in pins.items() if digest != pin[2] or stored != pin[2]), None)
            if contradicting:
                yield contradicting.build_finding(self.table, f"{name}/{version}", "is not what was pinned: it was changed")
            elif digest != stored:
                yield VerificationFinding(
                    table=self.table, key=f"{name}/{version}", what="its text does not make its SHA-256: it was changed"
                )
            elif what := _compare_with_text(name, version, text, segments):
                proof = next(iter(pins.values()), None)
                yield build_finding(proof, self.table, f"{name}/{version}", what)
        in_force = self._session.execute(select(cast(col(Setting.value), Text)).where(col(Setting.name) == IN_FORCE_SETTING)).scalar()
        for name in parse_json_object(in_force).get("names", []):
            if name not in {row.name for row in rows}:
                yield VerificationFinding(table="settings", key=IN_FORCE_SETTING, what=f"names {name}, of which there is no version")
        for (name, version, _), entry in unmatched.items():
            yield entry.build_finding(self.table, f"{name}/{version}", "is missing, and was pinned")


def _compare_with_text(name: str, version: int, text: str, segments: str) -> str | None:
    """Say which column of a policy contradicts its text; None when none does. The matrix has no segments."""
    content = parse_json_object(text)
    if content.get("version", version) != version or content.get("policy", name) != name:
        return f"is by its text {content.get('policy', name)}, version {content.get('version')}"
    claimed = parse_json_object(f'{{"segments": {segments}}}').get("segments")
    if name != MATRIX_POLICY_NAME and claimed != content.get("segments", []):
        return "has other segments than its text"
    return None
