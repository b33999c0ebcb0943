"""open cases in the list of cases: few of all that there have been"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"

OPEN = sa.text("kind != 'invoice' AND outcome IS NULL")


def upgrade() -> None:
    columns = ["case_id", "kind", "next_on", "account_id", "invoice_id"]
    op.create_index("ix_cases_open", "cases", columns, sqlite_where=OPEN, postgresql_where=OPEN)


def downgrade() -> None:
    op.drop_index("ix_cases_open", "cases")
