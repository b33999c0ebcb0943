"""accounts that are held for release; a data folder that has accounts is live, and holds none"""

import sqlalchemy as sa
from alembic import op

from adapters.database.tables import UtcDateTime

revision = "0005"
down_revision = "0004"

_ACCOUNTS = sa.table("accounts", sa.column("id", sa.String))
_SETTINGS = sa.table("settings", sa.column("name", sa.String), sa.column("value", sa.JSON))
_LIVE = "letters_live"


def upgrade() -> None:
    op.create_table(
        "held_accounts",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_index("ix_letter_brake_records_act", "letter_brake_records", ["act_id"])
    connection = op.get_bind()
    if connection.execute(sa.select(_ACCOUNTS.c.id).limit(1)).first() is not None:
        connection.execute(sa.insert(_SETTINGS).values(name=_LIVE, value={"by": "duecourse"}))


def downgrade() -> None:
    op.get_bind().execute(sa.delete(_SETTINGS).where(_SETTINGS.c.name == _LIVE))
    op.drop_index("ix_letter_brake_records_act", table_name="letter_brake_records")
    op.drop_table("held_accounts")
