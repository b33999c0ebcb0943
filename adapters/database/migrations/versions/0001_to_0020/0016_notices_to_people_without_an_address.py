"""for whom by name a notice waits"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    with op.batch_alter_table("waiting_notices") as table:
        table.add_column(sa.Column("person", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("waiting_notices") as table:
        table.drop_column("person")
