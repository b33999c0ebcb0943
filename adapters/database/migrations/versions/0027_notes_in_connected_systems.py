"""what of the journal was noted in connected billing systems, and how far the journal was read for it"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

_IS_NOTED = sa.text("kind IN ('call.logged', 'dispute.raised', 'letter.sent', 'promise.made')")


def upgrade() -> None:
    op.add_column("billing_cursors", sa.Column("noted_to", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "external_notes",
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("entry", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("system", "company", "entry"),
    )
    op.create_index("ix_journal_noted", "journal", ["recorded_at"], sqlite_where=_IS_NOTED, postgresql_where=_IS_NOTED)


def downgrade() -> None:
    op.drop_index("ix_journal_noted", "journal", sqlite_where=_IS_NOTED, postgresql_where=_IS_NOTED)
    op.drop_table("external_notes")
    op.drop_column("billing_cursors", "noted_to")
