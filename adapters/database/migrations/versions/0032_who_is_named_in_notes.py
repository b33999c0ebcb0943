"""who is named in notes, and has read it"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "mentions",
        sa.Column("note_id", sa.String(), nullable=False),
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("note_id", "user_name"),
    )
    op.create_index("ix_mentions_user", "mentions", ["user_name", "read_at", "written_at"])


def downgrade() -> None:
    op.drop_table("mentions")
