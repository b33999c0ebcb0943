"""payments by the day on which they came in"""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_index("ix_payments_received_on", "payments", ["received_on"])


def downgrade() -> None:
    op.drop_index("ix_payments_received_on", table_name="payments")
