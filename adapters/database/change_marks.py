"""What open pages are told of: that something changed. Read often, so that it counts no history."""

from sqlalchemy import text

from adapters.database.engine import Database

_WRITTEN_ROWS = """SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables
    WHERE relname NOT IN ('views', 'idempotency_keys', 'tokens', 'settings')"""
"""PostgreSQL counts them for itself. What is written when somebody merely looks is no change."""

_LAST_ROWS = (
    "SELECT (SELECT max(rowid) FROM journal), (SELECT max(rowid) FROM ledger_events), (SELECT max(rowid) FROM messages), "
    "(SELECT max(rowid) FROM tasks), (SELECT max(rowid) FROM set_aside), (SELECT max(rowid) FROM mentions)"
)


def read_change_mark(database: Database) -> str:
    """Return a text that is another one once something that pages show was written. It may be another one without that, too."""
    with database.reading() as session:
        row = session.execute(text(_LAST_ROWS if database.is_sqlite else _WRITTEN_ROWS)).one()
        return ".".join(str(value or 0) for value in row)
