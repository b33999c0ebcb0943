"""since when a case stands at its stage: for open invoices from the journal, for all others from their next change of stage on"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_CASES = sa.table(
    "cases",
    sa.column("case_id", sa.String),
    sa.column("kind", sa.String),
    sa.column("outcome", sa.String),
    sa.column("stage_since", sa.Date),
)
_JOURNAL = sa.table("journal", sa.column("case_id", sa.String), sa.column("kind", sa.String), sa.column("business_at", sa.DateTime))


def upgrade() -> None:
    op.add_column("cases", sa.Column("stage_since", sa.Date(), nullable=True))
    last = sa.func.max(_JOURNAL.c.business_at)
    if op.get_context().dialect.name == "postgresql":
        last = sa.func.timezone("UTC", last)
    reached = (
        sa.select(sa.func.date(last))
        .where(_JOURNAL.c.case_id == _CASES.c.case_id, _JOURNAL.c.kind.in_(("case.opened", "case.reopened", "step.taken")))
        .scalar_subquery()
    )
    op.execute(sa.update(_CASES).where(_CASES.c.kind == "invoice", _CASES.c.outcome.is_(None)).values(stage_since=reached))


def downgrade() -> None:
    op.drop_column("cases", "stage_since")
