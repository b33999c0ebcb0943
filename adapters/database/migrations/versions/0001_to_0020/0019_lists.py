"""the views of lists that people keep, and the indexes by which lists are filtered, sorted and summed"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

IS_OPEN, IS_SETTLED = sa.text("status = 'open'"), sa.text("status != 'open'")
OPEN_INVOICES = {
    "ix_invoices_open_account": ["account_id", "status", "currency", "due_date", "open_balance"],
    "ix_invoices_open_due": ["due_date", "id", "status", "account_id"],
    "ix_invoices_open_amount": ["currency", "open_balance", "due_date", "status"],
}


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
    for name, columns in OPEN_INVOICES.items():
        op.create_index(name, "invoices", columns, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
    op.create_index("ix_invoices_settled", "invoices", ["status", "due_date", "id"], sqlite_where=IS_SETTLED, postgresql_where=IS_SETTLED)
    op.drop_index("ix_invoices_number", "invoices")
    op.create_index("ix_invoices_number", "invoices", ["number", "id"])
    op.drop_index("ix_cases_stage", "cases")
    op.create_index("ix_cases_stage", "cases", ["kind", "stage", "invoice_id"])
    op.create_index("ix_cases_waiting", "cases", ["kind", "waiting_for", "invoice_id"])


def downgrade() -> None:
    op.drop_index("ix_cases_waiting", "cases")
    op.drop_index("ix_cases_stage", "cases")
    op.create_index("ix_cases_stage", "cases", ["kind", "stage"])
    op.drop_index("ix_invoices_number", "invoices")
    op.create_index("ix_invoices_number", "invoices", ["number"])
    for name in (*OPEN_INVOICES, "ix_invoices_settled"):
        op.drop_index(name, "invoices")
    op.drop_table("saved_views")
