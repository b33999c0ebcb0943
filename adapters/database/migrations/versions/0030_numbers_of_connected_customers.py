"""the numbers by which customers of connected billing systems know their account"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("number", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("accounts", "number")
