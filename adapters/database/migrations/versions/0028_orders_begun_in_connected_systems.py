"""what was begun in connected billing systems: suspensions that may have to be undone, and credit notes that people had booked there"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "external_orders",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_external_orders_invoice_id", "external_orders", ["invoice_id"])


def downgrade() -> None:
    op.drop_index("ix_external_orders_invoice_id", "external_orders")
    op.drop_table("external_orders")
