"""calls that were logged for accounts, and the parts of promises over several invoices"""

import sqlalchemy as sa
from alembic import op

from adapters.database.tables import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "account_calls",
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("note_id", sa.String(), nullable=True),
        sa.Column("again_on", sa.Date(), nullable=True),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("call_id"),
    )
    op.create_index("ix_account_calls_account_id", "account_calls", ["account_id"])
    op.create_table(
        "promise_parts",
        sa.Column("promise_id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("forgiven", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("promise_id", "invoice_id"),
    )


def downgrade() -> None:
    op.drop_table("promise_parts")
    op.drop_index("ix_account_calls_account_id", "account_calls")
    op.drop_table("account_calls")
