"""as what a letter names an invoice, what it asks for, and which steps a letter took along"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_REQUEST_COLUMNS = {
    "gather_days": (sa.Integer(), "0"),
    "days_to_pay": (sa.Integer(), "7"),
    "apart": (sa.Boolean(), sa.false()),
    "asked": (sa.Boolean(), sa.true()),
}

_FILL_ASKED_FOR = """
    UPDATE messages SET asked_for = (
        SELECT SUM(open_balance) FROM message_lines
        WHERE message_lines.message_id = messages.id AND message_lines.days_past_due > 0
    ) WHERE case_id IS NULL
"""
"""What the reminders of before asked for; a courtesy note has no overdue line, and asked for nothing."""


def upgrade() -> None:
    with op.batch_alter_table("contact_requests", schema=None) as batch_op:
        for name, (kind, default) in _REQUEST_COLUMNS.items():
            batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=default))
    with op.batch_alter_table("message_lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("named_as", sa.String(), nullable=False, server_default="due"))
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked_for", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("credit", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(_FILL_ASKED_FOR)


def downgrade() -> None:
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_column("credit")
        batch_op.drop_column("asked_for")
    with op.batch_alter_table("message_lines", schema=None) as batch_op:
        batch_op.drop_column("named_as")
    with op.batch_alter_table("contact_requests", schema=None) as batch_op:
        for name in reversed(list(_REQUEST_COLUMNS)):
            batch_op.drop_column(name)
