"""an index of the calls of webhooks that are about something else than an invoice, which are counted at each such call"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

_IS_FOREIGN = sa.text("external_id IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_webhook_calls_foreign", "webhook_calls", ["system", "company"], sqlite_where=_IS_FOREIGN, postgresql_where=_IS_FOREIGN
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_calls_foreign", table_name="webhook_calls", sqlite_where=_IS_FOREIGN, postgresql_where=_IS_FOREIGN)
