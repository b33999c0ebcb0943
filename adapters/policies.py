"""The policies in force: read from the folder where finance keeps them, and kept in the database version by version."""

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import col, select

from adapters.database import Database
from adapters.letters import LetterBook
from adapters.tables import PolicyVersion, Setting
from domain.policy import Policy, PolicySnapshot
from domain.policy_text import PolicyError, parse_policy

IN_FORCE = "policies_in_force"
DEFAULT = ""
"""Stands for every segment that no policy names."""


class PolicyBook:
    """Which policy an account's segment falls under. Safe to share between threads."""

    def __init__(self, database: Database, letters: LetterBook) -> None:
        self._database = database
        self._letters = letters
        self._lock = threading.Lock()
        self._by_segment: dict[str, PolicySnapshot] | None = None

    def load(self, folder: Path) -> list[PolicySnapshot]:
        """Keep every new version found in the folder's *.yaml: all of them, or none. A policy whose file is gone takes no new invoices.

        Raises PolicyError for a mistake in any file, a changed text under a known version, a segment that two policies claim, or no
        default policy; each with what to do.
        """
        found = check_policies(sorted(folder.glob("*.yaml")), self._letters)
        if not found:
            raise PolicyError(f"there is no policy (*.yaml) in {folder}; copy one there, such as the project's policies/standard.yaml")
        with self._database.writing() as session:
            known = {(row.name, row.version): row for row in session.exec(select(PolicyVersion))}
            faults = [_changed(file, policy) for file, policy in found if _differs(policy, known.get((policy.policy, policy.version)))]
            names = {policy.policy for _, policy in found}
            kept = [PolicySnapshot(name=row.name, version=row.version, text=row.snapshot) for row in known.values() if row.name in names]
            faults += _overlaps([snapshot.read() for snapshot in _newest([*kept, *_of(found)])])
            if faults:
                raise PolicyError("\n".join(faults))
            fresh = [PolicySnapshot.of(policy) for _, policy in found if (policy.policy, policy.version) not in known]
            session.add_all(_row(snapshot) for snapshot in fresh)
            session.merge(Setting(name=IN_FORCE, value={"names": sorted(names)}))
        with self._lock:
            self._by_segment = None
        return fresh

    def for_segment(self, segment: str) -> PolicySnapshot:
        """The newest version of the policy that names the segment, else of the default one. Raises PolicyError before any is loaded."""
        by_segment = self._by_segment or self._read()
        return by_segment.get(segment) or by_segment[DEFAULT]

    def version(self, name: str, version: int) -> PolicySnapshot | None:
        with self._database.reading() as session:
            row = session.get(PolicyVersion, (name, version))
            return PolicySnapshot(name=row.name, version=row.version, text=row.snapshot) if row else None

    def versions(self) -> list[PolicySnapshot]:
        """Every version ever in force, by name, the newest first."""
        with self._database.reading() as session:
            rows = session.exec(select(PolicyVersion).order_by(col(PolicyVersion.name), col(PolicyVersion.version).desc()))
            return [PolicySnapshot(name=row.name, version=row.version, text=row.snapshot) for row in rows]

    def in_force(self) -> list[PolicySnapshot]:
        """The newest version of each policy that was in the folder when it was last loaded."""
        with self._database.reading() as session:
            row = session.get(Setting, IN_FORCE)
            names = set(row.value["names"]) if row else set()
        return [snapshot for snapshot in _newest(self.versions()) if snapshot.name in names]

    def _read(self) -> dict[str, PolicySnapshot]:
        by_segment = {segment: snapshot for snapshot in self.in_force() for segment in snapshot.read().segments or [DEFAULT]}
        if DEFAULT not in by_segment:
            raise PolicyError("no policy is loaded; start Duecourse with `duecourse up`, or see `duecourse policy check`")
        with self._lock:
            self._by_segment = by_segment
        return by_segment


def check_policies(files: Sequence[Path], letters: LetterBook) -> list[tuple[Path, Policy]]:
    """The policies in the files. Raises PolicyError with the mistakes of all of them."""
    everywhere = frozenset.intersection(*(frozenset(letters.templates(language)) for language in letters.languages()))
    found, faults = [], []
    for file in files:
        try:
            found.append((file, parse_policy(file.read_text(encoding="utf-8"), str(file), everywhere)))
        except PolicyError as error:
            faults.append(str(error))
        except OSError as error:
            faults.append(f"{file}:1: this file cannot be read: {error.strerror}; name another")
    faults += [f"{file}:1: {p.policy} version {p.version} is given in two files; remove one" for file, p in _repeated(found)]
    if faults:
        raise PolicyError("\n".join(faults))
    return found


def _of(found: Iterable[tuple[Path, Policy]]) -> list[PolicySnapshot]:
    return [PolicySnapshot.of(policy) for _, policy in found]


def _newest(snapshots: Iterable[PolicySnapshot]) -> list[PolicySnapshot]:
    newest: dict[str, PolicySnapshot] = {}
    for snapshot in snapshots:
        if snapshot.name not in newest or snapshot.version > newest[snapshot.name].version:
            newest[snapshot.name] = snapshot
    return sorted(newest.values(), key=lambda snapshot: snapshot.name)


def _repeated(found: Sequence[tuple[Path, Policy]]) -> list[tuple[Path, Policy]]:
    names = [(policy.policy, policy.version) for _, policy in found]
    return [entry for index, entry in enumerate(found) if names[index] in names[:index]]


def _differs(policy: Policy, known: PolicyVersion | None) -> bool:
    return known is not None and known.sha256 != PolicySnapshot.of(policy).sha256


def _changed(file: Path, policy: Policy) -> str:
    return (
        f"{file}:1: {policy.policy} version {policy.version} was in force with another text, and invoices rest on it; "
        f"raise the version to {policy.version + 1}"
    )


def _overlaps(policies: Sequence[Policy]) -> list[str]:
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


def _row(snapshot: PolicySnapshot) -> PolicyVersion:
    return PolicyVersion(
        name=snapshot.name, version=snapshot.version, segments=snapshot.read().segments, snapshot=snapshot.text,
        sha256=snapshot.sha256, created_at=datetime.now(UTC),
    )  # fmt: skip
