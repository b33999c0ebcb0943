"""since when cases stand at their stage, as far as their journals tell; and the indexes of the lists of cases, tasks and letters"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

_CASES = sa.table("cases", sa.column("case_id", sa.String), sa.column("kind", sa.String), sa.column("stage_since", sa.Date))
_JOURNAL = sa.table("journal", sa.column("case_id", sa.String), sa.column("business_at", sa.DateTime))
_IS_LISTED, _IS_PROMISED = sa.text("kind != 'invoice'"), sa.text("promised_by IS NOT NULL")


def upgrade() -> None:
    last = sa.func.max(_JOURNAL.c.business_at)
    if op.get_context().dialect.name == "postgresql":
        last = sa.func.timezone("UTC", last)
    changed = sa.select(sa.func.date(last)).where(_JOURNAL.c.case_id == _CASES.c.case_id).scalar_subquery()
    is_unknown = sa.and_(_CASES.c.kind != "invoice", _CASES.c.stage_since.is_(None))
    op.execute(sa.update(_CASES).where(is_unknown).values(stage_since=changed))
    op.create_index(
        "ix_cases_listed",
        "cases",
        ["stage_since", "case_id", "kind", "outcome"],
        sqlite_where=_IS_LISTED,
        postgresql_where=_IS_LISTED,
    )
    op.create_index("ix_cases_promised", "cases", ["promised_by", "case_id"], sqlite_where=_IS_PROMISED, postgresql_where=_IS_PROMISED)
    op.create_index("ix_tasks_due", "tasks", ["state", "due_on", "id"])
    op.drop_index("ix_messages_sent", "messages")
    op.create_index("ix_messages_listed", "messages", ["sent_at", "id", "state", "letter", "language", "account_id"])


def downgrade() -> None:
    op.drop_index("ix_messages_listed", "messages")
    op.create_index("ix_messages_sent", "messages", ["sent_at"])
    op.drop_index("ix_tasks_due", "tasks")
    op.drop_index("ix_cases_promised", "cases")
    op.drop_index("ix_cases_listed", "cases")
