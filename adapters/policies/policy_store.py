"""The policies and the approval matrix in force: read from finance's folder, and kept in the database version by version."""

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from adapters.config.settings import PROJECT
from adapters.database.engine import Database
from adapters.database.tables import Account, PolicyVersion, Setting
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.matrix_store import MATRIX_FILE, load_newest_matrix, store_matrix
from domain.policy.approval_matrix import MATRIX_POLICY_NAME, ApprovalMatrix, MatrixSnapshot
from domain.policy.collection_policy import Policy, PolicySnapshot
from domain.policy.matrix_parsing import parse_matrix
from domain.policy.policy_parsing import PolicyError, parse_policy

IN_FORCE_SETTING = "policies_in_force"
DEFAULT_SEGMENT = ""
"""Stands for every segment that no policy names."""


class CheckedPolicies(NamedTuple):
    """What was found without mistakes, each with its file."""

    policies: list[tuple[Path, Policy]]
    matrices: list[tuple[Path, ApprovalMatrix]]


class PolicyStore:
    """Which policy an account's segment falls under, and who must agree to what. Safe to share between threads."""

    def __init__(self, database: Database, letters: LetterTemplates) -> None:
        self._database = database
        self._letters = letters
        self._lock = threading.Lock()
        self._by_segment: dict[str, PolicySnapshot] | None = None

    def load_folder(self, folder: Path) -> list[PolicySnapshot]:
        """Keep every new version found in the folder's *.yaml: all of them, or none. A policy whose file is gone takes no new invoices.

        Where the folder has no approvals.yaml, the project's own approval matrix applies. Raises PolicyError for a mistake in any file,
        a changed text under a known version, a segment that two policies claim, or no default policy; each with what to do.
        """
        found, [(matrix_file, matrix)] = check_policies(list_policy_files(folder), self._letters)
        if not found:
            raise PolicyError(f"there is no policy (*.yaml) in {folder}; copy one there, such as the project's policies/standard.yaml")
        with self._database.writing() as session:
            known = {(row.name, row.version): row for row in session.exec(_select_policy_versions())}
            faults = [
                _describe_change(file, policy) for file, policy in found if _has_changed(policy, known.get((policy.policy, policy.version)))
            ]
            names = {policy.policy for _, policy in found}
            kept = [PolicySnapshot(name=row.name, version=row.version, text=row.snapshot) for row in known.values() if row.name in names]
            faults += _find_segment_conflicts([snapshot.load_policy() for snapshot in _select_newest([*kept, *_build_snapshots(found)])])
            faults += store_matrix(session, matrix_file, matrix)
            if faults:
                raise PolicyError("\n".join(faults))
            fresh = [PolicySnapshot.from_policy(policy) for _, policy in found if (policy.policy, policy.version) not in known]
            session.add_all(_build_row(snapshot) for snapshot in fresh)
            session.merge(Setting(name=IN_FORCE_SETTING, value={"names": sorted(names)}))
        with self._lock:
            self._by_segment = None
        return fresh

    def get_for_segment(self, segment: str) -> PolicySnapshot:
        """The newest version of the policy that names the segment, else of the default one. Raises PolicyError before any is loaded."""
        by_segment = self._by_segment or self._load_by_segment()
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
            return PolicySnapshot(name=row.name, version=row.version, text=row.snapshot) if row else None

    def list_versions(self) -> list[PolicySnapshot]:
        """Every version ever in force, by name, the newest first."""
        with self._database.reading() as session:
            rows = session.exec(_select_policy_versions().order_by(col(PolicyVersion.name), col(PolicyVersion.version).desc()))
            return [PolicySnapshot(name=row.name, version=row.version, text=row.snapshot) for row in rows]

    def list_in_force(self) -> list[PolicySnapshot]:
        """The newest version of each policy that was in the folder when it was last loaded."""
        with self._database.reading() as session:
            row = session.get(Setting, IN_FORCE_SETTING)
            names = set(row.value["names"]) if row else set()
        return [snapshot for snapshot in _select_newest(self.list_versions()) if snapshot.name in names]

    def get_matrix(self) -> MatrixSnapshot:
        """The newest version of the approval matrix. Raises PolicyError before any is."""
        with self._database.reading() as session:
            snapshot = load_newest_matrix(session)
        if snapshot is None:
            raise PolicyError("no approval matrix is loaded; start Duecourse with `duecourse up`, or see `duecourse policy check`")
        return snapshot

    def get_matrix_version(self, version: int) -> MatrixSnapshot | None:
        with self._database.reading() as session:
            row = session.get(PolicyVersion, (MATRIX_POLICY_NAME, version))
            return MatrixSnapshot(version=row.version, text=row.snapshot) if row else None

    def _load_by_segment(self) -> dict[str, PolicySnapshot]:
        by_segment = {
            segment: snapshot for snapshot in self.list_in_force() for segment in snapshot.load_policy().segments or [DEFAULT_SEGMENT]
        }
        if DEFAULT_SEGMENT not in by_segment:
            raise PolicyError("no policy is loaded; start Duecourse with `duecourse up`, or see `duecourse policy check`")
        with self._lock:
            self._by_segment = by_segment
        return by_segment


def list_policy_files(folder: Path) -> list[Path]:
    """Every *.yaml of the folder, and the project's own approval matrix where it has none."""
    files = sorted(folder.glob("*.yaml"))
    return files if any(file.name == MATRIX_FILE for file in files) else [*files, PROJECT / "policies" / MATRIX_FILE]


def check_policies(files: Sequence[Path], letters: LetterTemplates) -> CheckedPolicies:
    """What is in the files; one called approvals.yaml is the approval matrix. Raises PolicyError with the mistakes of all of them."""
    everywhere = frozenset.intersection(*(frozenset(letters.list_templates(language)) for language in letters.list_languages()))
    faults: list[str] = []
    checked = CheckedPolicies([], [])
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            if file.name == MATRIX_FILE:
                checked.matrices.append((file, parse_matrix(text, str(file))))
            else:
                checked.policies.append((file, parse_policy(text, str(file), everywhere)))
        except PolicyError as error:
            faults.append(str(error))
        except OSError as error:
            faults.append(f"{file}:1: this file cannot be read: {error.strerror}; name another")
    found = checked.policies
    faults += [f"{file}:1: {p.policy} version {p.version} is given in two files; remove one" for file, p in _find_repeated(found)]
    taken = [file for file, policy in found if policy.policy == MATRIX_POLICY_NAME]
    faults += [f"{file}:1: the name {MATRIX_POLICY_NAME!r} is the approval matrix's; give the policy another" for file in taken]
    if faults:
        raise PolicyError("\n".join(faults))
    return checked


def _select_policy_versions() -> SelectOfScalar[PolicyVersion]:
    """The versions of collection policies: the approval matrix stands among them under a name of its own."""
    return select(PolicyVersion).where(col(PolicyVersion.name) != MATRIX_POLICY_NAME)


def _build_snapshots(found: Iterable[tuple[Path, Policy]]) -> list[PolicySnapshot]:
    return [PolicySnapshot.from_policy(policy) for _, policy in found]


def _select_newest(snapshots: Iterable[PolicySnapshot]) -> list[PolicySnapshot]:
    newest: dict[str, PolicySnapshot] = {}
    for snapshot in snapshots:
        if snapshot.name not in newest or snapshot.version > newest[snapshot.name].version:
            newest[snapshot.name] = snapshot
    return sorted(newest.values(), key=lambda snapshot: snapshot.name)


def _find_repeated(found: Sequence[tuple[Path, Policy]]) -> list[tuple[Path, Policy]]:
    names = [(policy.policy, policy.version) for _, policy in found]
    return [entry for index, entry in enumerate(found) if names[index] in names[:index]]


def _has_changed(policy: Policy, known: PolicyVersion | None) -> bool:
    return known is not None and known.sha256 != PolicySnapshot.from_policy(policy).sha256


def _describe_change(file: Path, policy: Policy) -> str:
    return (
        f"{file}:1: {policy.policy} version {policy.version} was in force with another text, and invoices rest on it; "
        f"raise the version to {policy.version + 1}"
    )


def _find_segment_conflicts(policies: Sequence[Policy]) -> list[str]:
    """Every segment must fall under exactly one policy, and exactly one must take the rest."""
    defaults = [policy.policy for policy in policies if not policy.segments]
    faults = [] if defaults else ["no policy has 'segments: []', so that some accounts would have none; leave one policy without segments"]
    if len(defaults) > 1:
        faults.append(f"{' and '.join(defaults)} both have 'segments: []'; name the segments of all but one")
    for segment in sorted({segment for policy in policies for segment in policy.segments}):
        claims = [policy.policy for policy in policies if segment in policy.segments]
        if len(claims) > 1:
            faults.append(f"{' and '.join(claims)} both claim the segment {segment!r}; leave it to one of them")
    return faults


def _build_row(snapshot: PolicySnapshot) -> PolicyVersion:
    return PolicyVersion(
        name=snapshot.name,
        version=snapshot.version,
        segments=snapshot.load_policy().segments,
        snapshot=snapshot.text,
        sha256=snapshot.sha256,
        created_at=datetime.now(UTC),
    )
