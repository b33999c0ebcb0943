"""notices to people of a role that nobody with an address had"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "waiting_notices",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tried_on", sa.Date(), nullable=True),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_waiting_notices_case_id", "waiting_notices", ["case_id"])
    op.create_index("ix_waiting_notices_state", "waiting_notices", ["state", "role"])


def downgrade() -> None:
    op.drop_index("ix_waiting_notices_state", table_name="waiting_notices")
    op.drop_index("ix_waiting_notices_case_id", table_name="waiting_notices")
    op.drop_table("waiting_notices")
