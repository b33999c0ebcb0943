"""Tables whose rows are never changed: a trigger prevents it until somebody who may alter the schema drops the trigger.

A table says so itself, with `APPEND_ONLY` among its arguments. The migrations are generated with the triggers, and held against the tables
like any column.
"""

from alembic.autogenerate import comparators, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import UpgradeOps
from alembic.util import DispatchPriority
from sqlalchemy import Connection, MetaData, text

APPEND_ONLY_KEY = "append_only"
APPEND_ONLY = {"info": {APPEND_ONLY_KEY: True}}

_APPEND_ONLY_TABLES_SQL = {
    "sqlite": "SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_is_append_only%'",
    "postgresql": (
        "SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        " WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgname LIKE '%_is_append_only'"
    ),
}
_POSTGRES_TRIGGER_FUNCTION = """\
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"""


def list_append_only_tables(metadata: MetaData) -> list[str]:
    """List the append-only tables in order of their names."""
    return sorted(table.name for table in metadata.tables.values() if table.info.get(APPEND_ONLY_KEY))


def list_protected_tables(connection: Connection) -> set[str]:
    """List the tables whose trigger exists."""
    return set(connection.execute(text(_APPEND_ONLY_TABLES_SQL[connection.dialect.name])).scalars())


def create_append_only_trigger(connection: Connection, table: str) -> None:
    """Make a table accept new rows only."""
    for statement in _build_trigger_statements(connection.dialect.name, table):
        connection.execute(text(statement))


def drop_append_only_trigger(connection: Connection, table: str) -> None:
    if connection.dialect.name == "sqlite":
        for change in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER {table}_is_append_only_{change}"))
    else:
        connection.execute(text(f"DROP TRIGGER {table}_is_append_only ON {table}"))


def _build_trigger_statements(dialect: str, table: str) -> list[str]:
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_is_append_only_{change} BEFORE {change.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for change in ("update", "delete")
        ]
    return [
        _POSTGRES_TRIGGER_FUNCTION,
        f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    ]


# --- what Alembic has to know of them: two operations, how they are written down, and when they are missing


@Operations.register_operation("make_append_only")
class MakeAppendOnly(MigrateOperation):
    def __init__(self, table: str) -> None:
        self.table = table

    @classmethod
    def make_append_only(cls, operations: Operations, table: str) -> None:
        operations.invoke(cls(table))

    def reverse(self) -> MigrateOperation:
        return MakeChangeable(self.table)

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("make_append_only", self.table)


@Operations.register_operation("make_changeable")
class MakeChangeable(MigrateOperation):
    def __init__(self, table: str) -> None:
        self.table = table

    @classmethod
    def make_changeable(cls, operations: Operations, table: str) -> None:
        operations.invoke(cls(table))

    def reverse(self) -> MigrateOperation:
        return MakeAppendOnly(self.table)

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("make_changeable", self.table)


@Operations.implementation_for(MakeAppendOnly)
def _make_append_only(operations: Operations, operation: MakeAppendOnly) -> None:
    create_append_only_trigger(operations.get_bind(), operation.table)


@Operations.implementation_for(MakeChangeable)
def _make_changeable(operations: Operations, operation: MakeChangeable) -> None:
    drop_append_only_trigger(operations.get_bind(), operation.table)


@renderers.dispatch_for(MakeAppendOnly)
def _render_make_append_only(context: AutogenContext, operation: MakeAppendOnly) -> str:
    return f'op.make_append_only("{operation.table}")'


@renderers.dispatch_for(MakeChangeable)
def _render_make_changeable(context: AutogenContext, operation: MakeChangeable) -> str:
    return f'op.make_changeable("{operation.table}")'


@comparators.dispatch_for("schema", priority=DispatchPriority.LAST)
def _compare_append_only_tables(context: AutogenContext, upgrade: UpgradeOps, schemas: object) -> None:
    """Comes last, when the tables themselves were seen to."""
    assert context.connection is not None
    assert isinstance(context.metadata, MetaData)
    expected, there = set(list_append_only_tables(context.metadata)), list_protected_tables(context.connection)
    upgrade.ops.extend(MakeAppendOnly(table) for table in sorted(expected - there))
    upgrade.ops.extend(MakeChangeable(table) for table in sorted(there - expected))
