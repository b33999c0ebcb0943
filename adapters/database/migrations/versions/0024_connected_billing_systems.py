"""how far connected billing systems were read, what they say of invoices and customers, and what comparisons found"""

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
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("compared_items", sa.BigInteger(), nullable=False),
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
    op.create_table(
        "external_accounts",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_index("ix_external_accounts_read_at", "external_accounts", ["system", "company", "read_at"])
    op.create_table(
        "billing_differences",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("here", sa.String(), nullable=False),
        sa.Column("there", sa.String(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_billing_differences_subject_id", "billing_differences", ["subject_id"])
    op.create_index("ix_billing_differences_open", "billing_differences", ["system", "company", "gone_at"])


def downgrade() -> None:
    op.drop_table("billing_differences")
    op.drop_table("external_accounts")
    op.drop_table("external_invoices")
    op.drop_table("billing_cursors")
