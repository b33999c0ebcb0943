"""when what was begun in connected billing systems was begun, and what the invoice had of credit then"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0033"


def upgrade() -> None:
    op.add_column("external_orders", sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("external_orders", sa.Column("credited_before", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("external_orders", "credited_before")
    op.drop_column("external_orders", "begun_at")
