"""the encoding of imported files, what was guessed of them, and whether they list all open invoices"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    with op.batch_alter_table("imports") as table:
        table.add_column(sa.Column("encoding", sa.String(), nullable=False, server_default="utf-8-sig"))
        table.add_column(sa.Column("notes", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("is_complete", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("imports") as table:
        table.drop_column("is_complete")
        table.drop_column("notes")
        table.drop_column("encoding")
