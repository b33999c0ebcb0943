"""letters by the moment at which they were sent"""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_index("ix_messages_sent", "messages", ["sent_at"])


def downgrade() -> None:
    op.drop_index("ix_messages_sent", table_name="messages")
