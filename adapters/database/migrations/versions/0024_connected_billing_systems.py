"""how far connected billing systems were read, and what they say of their invoices beside the money"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "billing_cursors",
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("caught_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("invoices_read", sa.BigInteger(), nullable=False),
        sa.Column("invoices_changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("system", "company"),
    )
    op.create_table(
        "external_invoices",
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_parts", sa.JSON(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("payment_link", sa.String(), nullable=False),
        sa.Column("ledger_currency", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("invoice_id"),
        sa.UniqueConstraint("system", "company", "external_id"),
    )


def downgrade() -> None:
    op.drop_table("external_invoices")
    op.drop_table("billing_cursors")
