"""promises that were broken lately, and what people did today: few of all that the journal has"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"

BROKEN = sa.text("kind IN ('promise.broken', 'promise.partly_kept')")
OF_PEOPLE = sa.text("actor != 'duecourse'")


def upgrade() -> None:
    op.create_index("ix_journal_broken_promises", "journal", ["business_at"], sqlite_where=BROKEN, postgresql_where=BROKEN)
    op.create_index("ix_journal_acts", "journal", ["actor", "business_at"], sqlite_where=OF_PEOPLE, postgresql_where=OF_PEOPLE)


def downgrade() -> None:
    op.drop_index("ix_journal_acts", "journal")
    op.drop_index("ix_journal_broken_promises", "journal")
