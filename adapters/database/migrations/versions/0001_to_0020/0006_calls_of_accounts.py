"""one open call for each account, and the invoices that ask for it"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN_CALL = sa.text("kind = 'call' AND state = 'open'")
_TASKS = sa.table(
    "tasks",
    *(sa.column(name) for name in ("id", "key", "account_id", "invoice_id", "state", "outcome", "kind")),
    sa.column("due_on", sa.Date()),
)
_REQUESTS = sa.table(
    "call_requests",
    *(sa.column(name) for name in ("invoice_id", "step", "task_id", "state")),
    sa.column("due_on", sa.Date()),
)


def upgrade() -> None:
    op.create_table(
        "call_requests",
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("task_id", _ROW_ID, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"]),
        sa.PrimaryKeyConstraint("invoice_id", "step"),
    )
    op.create_index("ix_call_requests_task_id", "call_requests", ["task_id"])
    _join_calls(op.get_bind())
    op.create_index("ix_tasks_open_call", "tasks", ["account_id"], unique=True, sqlite_where=_OPEN_CALL, postgresql_where=_OPEN_CALL)


def _join_calls(connection: sa.Connection) -> None:
    """The first open call of an account becomes the account's, and the others are part of it."""
    calls = connection.execute(sa.select(_TASKS).where(_TASKS.c.kind == "call").order_by(_TASKS.c.due_on, _TASKS.c.id)).all()
    kept: dict[str, int] = {}
    requests: list[dict[str, Any]] = []
    for call in calls:
        is_open = call.state == "open"
        task_id = kept.setdefault(call.account_id, call.id) if is_open else call.id
        if call.invoice_id is not None:
            step = call.key.rpartition(":")[2]
            requests.append({"invoice_id": call.invoice_id, "step": step, "task_id": task_id, "due_on": call.due_on, "state": call.state})
        if is_open:
            changes = {"invoice_id": None} if task_id == call.id else {"state": "dropped", "outcome": "joined"}
            connection.execute(sa.update(_TASKS).where(_TASKS.c.id == call.id).values(changes))
    if requests:
        connection.execute(sa.insert(_REQUESTS), requests)


def downgrade() -> None:
    op.drop_index("ix_tasks_open_call", table_name="tasks", sqlite_where=_OPEN_CALL, postgresql_where=_OPEN_CALL)
    op.drop_index("ix_call_requests_task_id", table_name="call_requests")
    op.drop_table("call_requests")
