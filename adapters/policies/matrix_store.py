"""The approval matrix's versions, kept among the policies' under a name of its own."""

from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session, col, select

from adapters.database.tables import PolicyVersion
from domain.policy.approval_matrix import MATRIX_POLICY_NAME, ApprovalMatrix, MatrixSnapshot

MATRIX_FILE = "approvals.yaml"


def store_matrix(session: Session, file: Path, matrix: ApprovalMatrix) -> list[str]:
    """Keep the matrix if its version is new. What forbids it, in words: that version was in force with another text."""
    snapshot = MatrixSnapshot.from_matrix(matrix)
    known = session.get(PolicyVersion, (MATRIX_POLICY_NAME, snapshot.version))
    if known is not None and known.sha256 != snapshot.sha256:
        newest = load_newest_matrix(session)
        raise_to = (newest.version if newest else snapshot.version) + 1
        return [
            f"{file}:1: version {snapshot.version} of the approval matrix was in force with another text, and approvals rest on it; "
            f"raise the version to {raise_to}"
        ]
    if known is None:
        session.add(_build_row(snapshot))
    return []


def load_newest_matrix(session: Session) -> MatrixSnapshot | None:
    """The matrix in force."""
    rows = select(PolicyVersion).where(col(PolicyVersion.name) == MATRIX_POLICY_NAME).order_by(col(PolicyVersion.version).desc())
    row = session.exec(rows).first()
    return MatrixSnapshot(version=row.version, text=row.snapshot) if row else None


def _build_row(snapshot: MatrixSnapshot) -> PolicyVersion:
    return PolicyVersion(
        name=MATRIX_POLICY_NAME,
        version=snapshot.version,
        snapshot=snapshot.text,
        sha256=snapshot.sha256,
        created_at=datetime.now(UTC),
    )
