"""as what older letters named invoices that were not overdue: for information, since what they asked for was what was overdue"""

from alembic import op

revision = "0039"
down_revision = "0038"

_NAME_AS_UPCOMING = """
    UPDATE message_lines SET named_as = 'upcoming'
    WHERE named_as = 'due' AND days_past_due <= 0 AND message_id IN (
        SELECT messages.id FROM messages
        WHERE messages.case_id IS NULL AND messages.asked_for IS NOT NULL AND messages.asked_for + messages.credit = (
            SELECT SUM(lines.open_balance) FROM message_lines AS lines
            WHERE lines.message_id = messages.id AND lines.named_as = 'due' AND lines.days_past_due > 0
        )
    )
"""
"""Only letters of before a letter told the whole position (0003) named all their invoices so: by their amounts they are told from the others."""


def upgrade() -> None:
    op.execute(_NAME_AS_UPCOMING)


def downgrade() -> None:
    """The amount that a letter asked for stays what it was."""
