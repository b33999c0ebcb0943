"""passwords, sessions, what each user has chosen, and who signed in"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

USER_COLUMNS = ("time_zone", "start_page", "single_keys", "provider_subject")
TOKEN_COLUMNS = ("kind", "method", "last_used_at", "opened_by", "address", "browser", "provider_token")


def upgrade() -> None:
    op.add_column("users", sa.Column("time_zone", sa.String(), nullable=False, server_default=""))
    op.add_column("users", sa.Column("start_page", sa.String(), nullable=False, server_default=""))
    op.add_column("users", sa.Column("single_keys", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("users", sa.Column("provider_subject", sa.String(), nullable=True))
    op.add_column("tokens", sa.Column("kind", sa.String(), nullable=False, server_default="token"))
    op.add_column("tokens", sa.Column("method", sa.String(), nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tokens", sa.Column("opened_by", sa.String(), nullable=True))
    op.add_column("tokens", sa.Column("address", sa.String(), nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("browser", sa.String(), nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("provider_token", sa.Text(), nullable=True))
    op.create_index("ix_tokens_opened_by", "tokens", ["opened_by"])
    op.create_table(
        "passwords",
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"]),
        sa.PrimaryKeyConstraint("user"),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_sign_in_failures_last_at", "sign_in_failures", ["last_at"])
    op.create_table(
        "identity_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_identity_events_user", "identity_events", ["user"])
    op.make_append_only("identity_events")


def downgrade() -> None:
    op.make_changeable("identity_events")
    op.drop_index("ix_identity_events_user", "identity_events")
    op.drop_table("identity_events")
    op.drop_index("ix_sign_in_failures_last_at", "sign_in_failures")
    op.drop_table("sign_in_failures")
    op.drop_table("passwords")
    op.drop_index("ix_tokens_opened_by", "tokens")
    for table, columns in (("tokens", TOKEN_COLUMNS), ("users", USER_COLUMNS)):
        for column in columns:
            op.drop_column(table, column)
