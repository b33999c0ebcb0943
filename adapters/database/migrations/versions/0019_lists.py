"""the views of lists that people keep, and the indexes by which lists are filtered, sorted and summed"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"]),
        sa.PrimaryKeyConstraint("user", "list_name", "name"),
    )
    op.drop_index("ix_invoices_account_status", "invoices")
    op.create_index("ix_invoices_account_status", "invoices", ["account_id", "status", "currency", "due_date", "open_balance"])
    op.create_index("ix_invoices_due", "invoices", ["status", "due_date", "id"])
    op.create_index("ix_invoices_amount", "invoices", ["status", "currency", "open_balance", "due_date"])
    op.drop_index("ix_cases_stage", "cases")
    op.create_index("ix_cases_stage", "cases", ["kind", "stage", "invoice_id"])
    op.create_index("ix_cases_waiting", "cases", ["kind", "waiting_for", "invoice_id"])


def downgrade() -> None:
    op.drop_index("ix_cases_waiting", "cases")
    op.drop_index("ix_cases_stage", "cases")
    op.create_index("ix_cases_stage", "cases", ["kind", "stage"])
    op.drop_index("ix_invoices_amount", "invoices")
    op.drop_index("ix_invoices_due", "invoices")
    op.drop_index("ix_invoices_account_status", "invoices")
    op.create_index("ix_invoices_account_status", "invoices", ["account_id", "status"])
    op.drop_table("saved_views")
