"""the record of notes that no case's journal names"""

import sqlalchemy as sa
from alembic import op

from adapters.database.tables import UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "account_note_records",
        sa.Column("note_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("note_id"),
    )
    op.create_index("ix_account_note_records_account_id", "account_note_records", ["account_id"])
    op.make_append_only("account_note_records")


def downgrade() -> None:
    op.make_changeable("account_note_records")
    op.drop_index("ix_account_note_records_account_id", "account_note_records")
    op.drop_table("account_note_records")
