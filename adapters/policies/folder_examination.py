"""What a start would make of policies and matrix that were read without mistakes: held against all that was ever in force.

A start and `duecourse policy check` ask here alike, so that the one says no to whatever the other would refuse.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sqlmodel import Session, col, select

from adapters.database.tables import PolicyVersion
from adapters.policies.policy_files import CheckedPolicies
from domain.policy.approval_matrix import MATRIX_POLICY_NAME, ApprovalMatrix, MatrixSnapshot
from domain.policy.collection_policy import Policy, PolicySnapshot
from domain.refusal import Refusal

NO_SEGMENTS = "[]"


class FolderExamination(NamedTuple):
    """`fresh`: the versions that no start has seen yet. `faults`: why a start would refuse the folder, in words. `notes`: what it would
    accept, and whoever wrote the files may not have meant."""

    fresh: list[PolicySnapshot]
    fresh_matrix: MatrixSnapshot | None
    names: list[str]
    faults: list[str]
    notes: list[str]


def examine_folder(known: Sequence[PolicyVersion], checked: CheckedPolicies, folder: Path) -> FolderExamination:
    """Examine what was found in the folder. `known`: every version of policies and matrix that was ever in force."""
    found = checked.policies
    by_key = {(row.name, row.version): row for row in known}
    newest = {name: max(row.version for row in known if row.name == name) for name in {row.name for row in known}}
    faults = list(_find_missing_files(checked, folder))
    faults += [_describe_change(file, policy, newest) for file, policy in found if _has_changed(policy, by_key)]
    names = {policy.policy for _, policy in found}
    kept = [PolicySnapshot(name=row.name, version=row.version, text=row.snapshot) for row in known if row.name in names]
    snapshots = [PolicySnapshot.from_policy(policy) for _, policy in found]
    if found:
        faults += find_segment_conflicts([snapshot.load_policy() for snapshot in select_newest([*kept, *snapshots])])
    matrices = [(file, MatrixSnapshot.from_matrix(matrix)) for file, matrix in checked.matrices]
    faults += [_describe_matrix_change(file, matrix, newest) for file, matrix in matrices if _has_matrix_changed(matrix, by_key)]
    return FolderExamination(
        fresh=[snapshot for snapshot in snapshots if (snapshot.name, snapshot.version) not in by_key],
        fresh_matrix=next((matrix for _, matrix in matrices if (MATRIX_POLICY_NAME, matrix.version) not in by_key), None),
        names=sorted(names),
        faults=faults,
        notes=list(_find_overtaken([(file, p.policy, p.version) for file, p in found], checked.matrices, newest)),
    )


def load_known_versions(session: Session) -> list[PolicyVersion]:
    """Load every version of policies and matrix that was ever in force."""
    return list(session.exec(select(PolicyVersion).order_by(col(PolicyVersion.name), col(PolicyVersion.version))))


def select_newest(snapshots: Iterable[PolicySnapshot]) -> list[PolicySnapshot]:
    """Return the newest version of each policy, by name."""
    newest: dict[str, PolicySnapshot] = {}
    for snapshot in snapshots:
        if snapshot.name not in newest or snapshot.version > newest[snapshot.name].version:
            newest[snapshot.name] = snapshot
    return sorted(newest.values(), key=lambda snapshot: snapshot.name)


def _find_missing_files(checked: CheckedPolicies, folder: Path) -> Iterator[str]:
    if not checked.policies:
        yield Refusal(
            "policy.none",
            "there is no policy (*.yaml) in {folder}; copy one there, such as the project's policies/standard.yaml",
            folder=folder,
        )
    if len(checked.matrices) > 1:
        files = " and ".join(str(file) for file, _ in checked.matrices)
        yield Refusal("policy.two_matrices", "{files} are two approval matrices; leave one", files=files)


def _find_overtaken(
    found: Sequence[tuple[Path, str, int]], matrices: Sequence[tuple[Path, ApprovalMatrix]], newest: dict[str, int]
) -> Iterator[str]:
    for file, name, version in [*found, *((file, MATRIX_POLICY_NAME, matrix.version) for file, matrix in matrices)]:
        if version < newest.get(name, version):
            overtaken = Refusal(
                "policy.overtaken",
                "{policy} version {version} is older than version {newest}, which stays in force; "
                "raise the version to {next} to put this text in force",
                policy=name,
                version=version,
                newest=newest[name],
                next=newest[name] + 1,
            )
            yield f"{file}:1: {overtaken}"


def _has_changed(policy: Policy, known: dict[tuple[str, int], PolicyVersion]) -> bool:
    row = known.get((policy.policy, policy.version))
    return row is not None and row.sha256 != PolicySnapshot.from_policy(policy).sha256


def _has_matrix_changed(matrix: MatrixSnapshot, known: dict[tuple[str, int], PolicyVersion]) -> bool:
    row = known.get((MATRIX_POLICY_NAME, matrix.version))
    return row is not None and row.sha256 != matrix.sha256


def _describe_change(file: Path, policy: Policy, newest: dict[str, int]) -> str:
    changed = Refusal(
        "policy.changed",
        "{policy} version {version} was in force with another text, and invoices rest on it; raise the version to {next}",
        policy=policy.policy,
        version=policy.version,
        next=newest[policy.policy] + 1,
    )
    return f"{file}:1: {changed}"


def _describe_matrix_change(file: Path, matrix: MatrixSnapshot, newest: dict[str, int]) -> str:
    changed = Refusal(
        "policy.matrix_changed",
        "version {version} of the approval matrix was in force with another text, and approvals rest on it; raise the version to {next}",
        version=matrix.version,
        next=newest[MATRIX_POLICY_NAME] + 1,
    )
    return f"{file}:1: {changed}"


def find_segment_conflicts(policies: Sequence[Policy]) -> list[str]:
    """Every segment must fall under exactly one policy, and exactly one must take the rest."""
    defaults = [policy.policy for policy in policies if not policy.segments]
    faults: list[str] = []
    if not defaults:
        faults.append(
            Refusal(
                "policy.no_default",
                "no policy has 'segments: {none}', so that some accounts would have none; leave one policy without segments",
                none=NO_SEGMENTS,
            )
        )
    if len(defaults) > 1:
        several = " and ".join(defaults)
        faults.append(
            Refusal(
                "policy.two_defaults",
                "{policies} both have 'segments: {none}'; name the segments of all but one",
                policies=several,
                none=NO_SEGMENTS,
            )
        )
    for segment in sorted({segment for policy in policies for segment in policy.segments}):
        claims = [policy.policy for policy in policies if segment in policy.segments]
        if len(claims) > 1:
            both = " and ".join(claims)
            sentence = Refusal(
                "policy.two_claims",
                "{policies} both claim the segment '{segment}'; leave it to one of them",
                policies=both,
                segment=segment,
            )
            faults.append(sentence)
    return faults
