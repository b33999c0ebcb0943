"""who is awaited: a row for each role and person, made from what the cases' summaries say in words"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_CASES = sa.table(
    "cases",
    sa.column("case_id", sa.String),
    sa.column("kind", sa.String),
    sa.column("waiting_for", sa.String),
    sa.column("awaiting_role", sa.String),
    sa.column("summary", sa.JSON),
    sa.column("outcome", sa.String),
)
_ROWS_PER_INSERT = 1_000


def upgrade() -> None:
    awaited = op.create_table(
        "case_awaited",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "part", "name"),
    )
    with op.batch_alter_table("case_awaited", schema=None) as batch_op:
        batch_op.create_index("ix_case_awaited_name", ["part", "name"], unique=False)

    connection, case = op.get_bind(), _CASES.c
    packed = sa.and_(case.kind.in_(("approval", "payment_plan", "suspension")), case.outcome.is_(None))
    cases = connection.execute(sa.select(_CASES).where(sa.or_(case.awaiting_role.is_not(None), packed))).all()
    rows = [{"case_id": row.case_id, "part": part, "name": name} for row in cases for part, name in sorted(_find_awaited(row))]
    for start in range(0, len(rows), _ROWS_PER_INSERT):
        connection.execute(awaited.insert(), rows[start : start + _ROWS_PER_INSERT])


def _find_awaited(case: sa.Row) -> set[tuple[str, str]]:
    found = {("role", case.awaiting_role)} if case.awaiting_role else set()
    if case.outcome is not None or not isinstance(case.summary, dict):
        return found
    if case.kind == "approval":
        found |= {("role", role) for role in _read_words(case, "roles")}
    if case.kind == "payment_plan" and case.waiting_for == "author":
        found |= {("person", user) for user in _read_name(case, "by")}
    if case.kind == "suspension" and case.waiting_for == "requester":
        found |= {("person", user) for user in _read_words(case, "askers")}
    return found


def _read_words(case: sa.Row, name: str) -> list[str]:
    return str(case.summary.get(name) or "").split()


def _read_name(case: sa.Row, name: str) -> list[str]:
    return [str(case.summary[name])] if case.summary.get(name) else []


def downgrade() -> None:
    with op.batch_alter_table("case_awaited", schema=None) as batch_op:
        batch_op.drop_index("ix_case_awaited_name")

    op.drop_table("case_awaited")
