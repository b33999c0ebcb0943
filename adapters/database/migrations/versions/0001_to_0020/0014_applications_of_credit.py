"""unapplied credit that was applied to invoices, and taken back"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "credit_applications",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("takes_back", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("takes_back"),
    )
    op.create_index("ix_credit_applications_account_id", "credit_applications", ["account_id"])
    op.make_append_only("credit_applications")
    op.add_column("allocations", sa.Column("application_key", sa.String(), nullable=True))
    op.create_index("ix_allocations_application_key", "allocations", ["application_key"])


def downgrade() -> None:
    op.drop_index("ix_allocations_application_key", table_name="allocations")
    with op.batch_alter_table("allocations") as table:
        table.drop_column("application_key")
    op.make_changeable("credit_applications")
    op.drop_index("ix_credit_applications_account_id", table_name="credit_applications")
    op.drop_table("credit_applications")
