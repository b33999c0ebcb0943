"""Every version of a policy, and of the approval matrix, reads as it did when cases pinned it."""

from collections.abc import Iterator
from hashlib import sha256

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.audit.verification.journal_evidence import Testimony
from adapters.database.tables import PolicyVersion
from domain.audit.verification_report import Fault
from domain.journal.entry_kinds import EntryKind
from domain.policy.approval_matrix import APPROVALS

KINDS = (EntryKind.CASE_OPENED, EntryKind.POLICY_ADOPTED, EntryKind.APPROVAL_REQUESTED)
Pinned = tuple[str, str, str]
"""Name, version and SHA-256."""


class PolicyCheck:
    """In memory is the first entry of each version that was pinned: they are few."""

    table, kinds = "policies", frozenset(kind.value for kind in KINDS)

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pinned: dict[Pinned, Testimony] = {}

    def hear(self, entry: Testimony) -> None:
        if entry.kind in self.kinds:
            if digest := entry.text("policy_sha256"):
                self._pinned.setdefault((entry.text("policy"), entry.text("policy_version"), digest), entry)
            if digest := entry.text("matrix_sha256"):
                self._pinned.setdefault((APPROVALS, entry.text("matrix_version"), digest), entry)

    def settle(self) -> Iterator[Fault]:
        return iter(())

    def conclude(self) -> Iterator[Fault]:
        """A text that was changed, with its SHA-256 or without; a version that is gone, or that nobody pinned as it reads."""
        rows = self._session.execute(
            select(col(PolicyVersion.name), col(PolicyVersion.version), col(PolicyVersion.snapshot), col(PolicyVersion.sha256))
        )
        left = dict(self._pinned)
        for name, version, text, stored in rows:
            digest = sha256(text.encode()).hexdigest()
            pins = {pin: left.pop(pin) for pin in list(left) if pin[:2] == (name, str(version))}
            wrong = next((entry for pin, entry in pins.items() if digest != pin[2] or stored != pin[2]), None)
            if wrong:
                yield wrong.against(self.table, f"{name}/{version}", "is not what was pinned: it was changed")
            elif digest != stored:
                yield Fault(table=self.table, key=f"{name}/{version}", what="its text does not make its SHA-256: it was changed")
        for (name, version, _), entry in left.items():
            yield entry.against(self.table, f"{name}/{version}", "is missing, and was pinned")
