"""The approval matrix's versions, kept among the policies' under a name of its own."""

from datetime import UTC, datetime

from sqlmodel import Session, col, select

from adapters.database.tables import PolicyVersion
from domain.policy.approval_matrix import MATRIX_POLICY_NAME, MatrixSnapshot


def load_newest_matrix(session: Session) -> MatrixSnapshot | None:
    """The matrix in force."""
    rows = select(PolicyVersion).where(col(PolicyVersion.name) == MATRIX_POLICY_NAME).order_by(col(PolicyVersion.version).desc())
    row = session.exec(rows).first()
    return MatrixSnapshot(version=row.version, text=row.snapshot) if row else None


def build_matrix_row(snapshot: MatrixSnapshot) -> PolicyVersion:
    return PolicyVersion(
        name=MATRIX_POLICY_NAME,
        version=snapshot.version,
        snapshot=snapshot.text,
        sha256=snapshot.sha256,
        created_at=datetime.now(UTC),
    )
