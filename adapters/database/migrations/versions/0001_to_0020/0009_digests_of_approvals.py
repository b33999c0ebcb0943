"""what each person is to be told of approvals, and the mails that tell it once a day"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "approval_notices",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("approval_id", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["user"], ["users.name"]),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_approval_notices_user", "approval_notices", ["user"])
    op.create_index("ix_approval_notices_settled_on", "approval_notices", ["settled_on"])
    op.create_table(
        "digest_mails",
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user"], ["users.name"]),
        sa.PrimaryKeyConstraint("user", "day"),
    )


def downgrade() -> None:
    op.drop_table("digest_mails")
    op.drop_index("ix_approval_notices_settled_on", table_name="approval_notices")
    op.drop_index("ix_approval_notices_user", table_name="approval_notices")
    op.drop_table("approval_notices")
