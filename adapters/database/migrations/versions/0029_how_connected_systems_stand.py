"""until when connected billing systems ask to be left alone, whether they have more to say, when their unapplied credit was read, what a sample
of their balances showed, which notes they refused, and which hints were let fall"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    for column in (
        sa.Column("resting_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rest_reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("has_more", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("credits_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("credits_hinted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("balance_check", sa.JSON(), nullable=True),
    ):
        op.add_column("billing_cursors", column)
    op.add_column("external_notes", sa.Column("refusal", sa.Text(), nullable=False, server_default=""))
    op.add_column("external_notes", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("external_notes", sa.Column("is_due", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("webhook_counts", sa.Column("dropped", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("webhook_counts", "dropped")
    for name in ("is_due", "attempts", "refusal"):
        op.drop_column("external_notes", name)
    for name in ("balance_check", "credits_hinted_at", "credits_read_at", "has_more", "rest_reason", "resting_until"):
        op.drop_column("billing_cursors", name)
