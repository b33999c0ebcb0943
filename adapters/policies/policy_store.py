"""The policies and the approval matrix in force: read from finance's folder or put in force by people, and kept in the database version by
version. Of each policy the highest version counts, wherever it came from."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from adapters.database.engine import Database
from adapters.database.tables import Account, PolicyVersion
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.folder_examination import examine_folder, find_segment_conflicts, load_known_versions, select_newest
from adapters.policies.in_force import load_in_force, read_stamp, store_in_force
from adapters.policies.matrix_store import build_matrix_row, load_newest_matrix
from adapters.policies.policy_files import CheckedPolicies, check_policies, list_policy_files, replace_files
from adapters.policies.refusal import PolicyRefusal, clear_refusal, store_refusal
from domain.policy.approval_matrix import MATRIX_POLICY_NAME, MatrixSnapshot
from domain.policy.collection_policy import Policy, PolicySnapshot
from domain.policy.policy_parsing import PolicyError
from domain.policy_adoption.progress import ForceResult
from domain.refusal import Refusal

log = structlog.get_logger()

DEFAULT_SEGMENT = ""
"""Stands for every segment that no policy names."""


class PolicyStore:
    """Which policy an account's segment falls under, and who must agree to what. Safe to share between threads."""

    def __init__(self, database: Database, letters: LetterTemplates) -> None:
        self._database = database
        self._letters = letters
        self._lock = threading.Lock()
        self._by_segment: tuple[str | None, dict[str, PolicySnapshot]] | None = None
        """With the stamp of what was in force when it was read: another process may put a version in force."""

    def load_folder(self, folder: Path) -> list[PolicySnapshot]:
        """Keep every new version found in the folder's *.yaml: all of them, or none. A policy whose file is gone takes no new invoices.

        Where the folder has no approvals.yaml, the project's own approval matrix applies. Raises PolicyError for a mistake in any file,
        a changed text under a known version, a segment that two policies claim, or no default policy; each with what to do.
        """
        checked = check_policies(list_policy_files(folder), self._letters)
        with self._database.writing() as session:
            examined = examine_folder(load_known_versions(session), checked, folder)
            if examined.faults:
                raise PolicyError("\n".join(examined.faults))
            session.add_all(_build_row(snapshot) for snapshot in examined.fresh)
            if examined.fresh_matrix:
                session.add(build_matrix_row(examined.fresh_matrix))
            store_in_force(session, examined.names, {policy.policy: policy.version for _, policy in checked.policies})
            clear_refusal(session)
        for note in examined.notes:
            log.warning("policy_overtaken", note=note)
        return examined.fresh

    def put_in_force(self, policy: PolicySnapshot, replaces: int | None = None) -> ForceResult:
        """Make a version that was agreed to the one in force of its policy, and tell all processes; nothing happens the second time.

        It takes the place of the version `replaces`, where that is known, and of no other: whoever agreed compared it with that one.
        """
        with self._database.writing() as session:
            known = [row for row in load_known_versions(session) if row.name != MATRIX_POLICY_NAME]
            newest = max((row.version for row in known if row.name == policy.name), default=0)
            if any((row.name, row.version, row.sha256) == (policy.name, policy.version, policy.sha256) for row in known):
                return ForceResult()
            if newest >= policy.version or (replaces is not None and newest != replaces):
                return ForceResult(overtaken_by=newest)
            in_force = load_in_force(session)
            if faults := self._find_faults(policy, in_force.names, known):
                return ForceResult(faults=faults)
            session.add(_build_row(policy))
            store_in_force(session, in_force.names, in_force.folder)
        log.info("policy_put_in_force", policy=policy.name, version=policy.version, sha256=policy.sha256)
        return ForceResult()

    def _find_faults(self, policy: PolicySnapshot, names: Sequence[str], known: Sequence[PolicyVersion]) -> list[str]:
        """Say why a version cannot take the place of the one in force: much may have changed since it was checked."""
        if policy.name not in names:
            return [Refusal("policy.gone", "no policy {policy} is in force any more; its file is gone from the folder", policy=policy.name)]
        others = [_build_snapshot(row) for row in known if row.name in names and row.name != policy.name]
        faults = find_segment_conflicts([each.load_policy() for each in select_newest([*others, policy])])
        missing = self._find_missing_letters([policy.load_policy()])
        return faults + [
            Refusal("policy.template_gone", "there is no letter template '{name}' in {language} any more", name=name, language=language)
            for language, name in missing
        ]

    def _find_missing_letters(self, policies: Sequence[Policy]) -> list[tuple[str, str]]:
        """The letters that the policies send and that are not there, each with its language first."""
        return self._letters.find_missing_templates([step.letter for policy in policies for step in policy.timeline if step.letter])

    def load_folder_or_keep(self, folder: Path) -> PolicyRefusal | None:
        """Load the folder; where it has mistakes, go on with what was in force before, and return what is wrong with it.

        Raises PolicyError, as `load_folder` does, while nothing has ever been in force, or what was cannot be gone on with.
        """
        try:
            self.load_folder(folder)
        except PolicyError as error:
            if not self._can_go_on():
                raise
            with self._database.writing() as session:
                refusal = store_refusal(session, str(error).splitlines())
            log.error("policies_refused", folder=str(folder), faults=refusal.faults)
            return refusal
        return None

    @staticmethod
    def check_folder(
        database: Database | None, letters: LetterTemplates, folder: Path, drafts: Sequence[Path] = ()
    ) -> tuple[CheckedPolicies, list[str]]:
        """Return what `load_folder` would load, with notes on what may not be meant; nothing is changed. Raises PolicyError as it does.

        `database` is None before there is one. `drafts` are taken in place of the folder's files with their names or their policies.
        """
        checked = check_policies(replace_files(folder, drafts, letters) if drafts else list_policy_files(folder), letters)
        known = []
        if database:
            with database.reading() as session:
                known = load_known_versions(session)
        examined = examine_folder(known, checked, folder)
        if examined.faults:
            raise PolicyError("\n".join(examined.faults))
        return checked, examined.notes

    def _can_go_on(self) -> bool:
        """True when a matrix and the policies in force are there, and every letter that they send."""
        in_force = [snapshot.load_policy() for snapshot in self.list_in_force()]
        with self._database.reading() as session:
            has_matrix = load_newest_matrix(session) is not None
        return has_matrix and any(not policy.segments for policy in in_force) and not self._find_missing_letters(in_force)

    def get_for_segment(self, segment: str) -> PolicySnapshot:
        """The newest version of the policy that names the segment, else of the default one. Raises PolicyError before any is loaded."""
        by_segment = self._load_by_segment()
        return by_segment.get(segment) or by_segment[DEFAULT_SEGMENT]

    def get_segment(self, account_id: str) -> str:
        """The segment that an account is in; the standard one for an account that is not known."""
        with self._database.reading() as session:
            return session.exec(select(Account.segment).where(col(Account.id) == account_id)).first() or "standard"

    def get_account_traits(self, account_id: str) -> tuple[str, bool]:
        """The segment that an account is in, and whether it is served in advance of its money."""
        with self._database.reading() as session:
            row = session.exec(select(Account.segment, Account.prepaid).where(col(Account.id) == account_id)).first()
            return (row[0], row[1]) if row else ("standard", False)

    def adopt_segment(self, account_id: str, segment: str | None) -> PolicySnapshot:
        """From now on the account follows that segment's policy; None: its own segment's. The policy that it follows then."""
        with self._database.writing() as session:
            account = session.get_one(Account, account_id)
            account.policy_segment = segment
            own = account.segment
        return self.get_for_segment(segment or own)

    def get_version(self, name: str, version: int) -> PolicySnapshot | None:
        with self._database.reading() as session:
            row = session.get(PolicyVersion, (name, version))
            return _build_snapshot(row) if row else None

    def list_versions(self) -> list[PolicySnapshot]:
        """Every version ever in force, by name, the newest first."""
        with self._database.reading() as session:
            rows = session.exec(_select_policy_versions().order_by(col(PolicyVersion.name), col(PolicyVersion.version).desc()))
            return [_build_snapshot(row) for row in rows]

    def list_in_force(self) -> list[PolicySnapshot]:
        """The newest version of each policy that was in the folder when it was last loaded, wherever the version came from."""
        with self._database.reading() as session:
            names = set(load_in_force(session).names)
        return [snapshot for snapshot in select_newest(self.list_versions()) if snapshot.name in names]

    def find_matrix(self) -> MatrixSnapshot | None:
        """Find the newest version of the approval matrix; None before any is loaded."""
        with self._database.reading() as session:
            return load_newest_matrix(session)

    def get_matrix(self) -> MatrixSnapshot:
        """The newest version of the approval matrix. Raises PolicyError before any is."""
        snapshot = self.find_matrix()
        if snapshot is None:
            raise PolicyError("no approval matrix is loaded; start Duecourse with `duecourse up`, or see `duecourse policy check`")
        return snapshot

    def get_matrix_version(self, version: int) -> MatrixSnapshot | None:
        with self._database.reading() as session:
            row = session.get(PolicyVersion, (MATRIX_POLICY_NAME, version))
            return MatrixSnapshot(version=row.version, text=row.snapshot) if row else None

    def _load_by_segment(self) -> dict[str, PolicySnapshot]:
        with self._database.reading() as session:
            stamp = read_stamp(session)
        with self._lock:
            if self._by_segment and self._by_segment[0] == stamp:
                return self._by_segment[1]
        by_segment = {
            segment: snapshot for snapshot in self.list_in_force() for segment in snapshot.load_policy().segments or [DEFAULT_SEGMENT]
        }
        if DEFAULT_SEGMENT not in by_segment:
            raise PolicyError("no policy is loaded; start Duecourse with `duecourse up`, or see `duecourse policy check`")
        with self._lock:
            self._by_segment = stamp, by_segment
        return by_segment


def _select_policy_versions() -> SelectOfScalar[PolicyVersion]:
    """The versions of collection policies: the approval matrix stands among them under a name of its own."""
    return select(PolicyVersion).where(col(PolicyVersion.name) != MATRIX_POLICY_NAME)


def _build_snapshot(row: PolicyVersion) -> PolicySnapshot:
    return PolicySnapshot(name=row.name, version=row.version, text=row.snapshot)


def _build_row(snapshot: PolicySnapshot) -> PolicyVersion:
    return PolicyVersion(
        name=snapshot.name,
        version=snapshot.version,
        segments=snapshot.load_policy().segments,
        snapshot=snapshot.text,
        sha256=snapshot.sha256,
        created_at=datetime.now(UTC),
    )
