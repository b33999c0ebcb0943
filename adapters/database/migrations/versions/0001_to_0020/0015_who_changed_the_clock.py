"""who changed the played clock"""

import sqlalchemy as sa
from alembic import op

from adapters.database.tables import UtcDateTime

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "clock_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=True),
        sa.Column("day_seconds", sa.Float(), nullable=True),
        sa.Column("paused_before", sa.Boolean(), nullable=False),
        sa.Column("day_seconds_before", sa.Float(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.make_append_only("clock_changes")


def downgrade() -> None:
    op.make_changeable("clock_changes")
    op.drop_table("clock_changes")
