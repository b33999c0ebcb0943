"""The database: SQLite (WAL) or PostgreSQL behind one small interface."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Insert, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlmodel import Session, SQLModel, create_engine

import adapters.database.tables as tables
from adapters.shipped_files import PROJECT
from domain.errors import OperatingError

MIGRATIONS_DIR = PROJECT / "adapters" / "database" / "migrations"
BUSY_TIMEOUT_SECONDS = 60
POSTGRES_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""After how long a server that says nothing any more is given up, in seconds (the last in milliseconds): by itself, TCP waits for hours."""

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "cache_size=-16000",
    "wal_autocheckpoint=4000",
)
"""Sixteen MB of cache, and as much written ahead before pages are put into the file: an import changes the same pages of its indexes again
and again, and each is then written once."""


def _serialize_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


class _ThreadSnapshot(threading.local):
    """The session of the snapshot that is open in this thread."""

    session: Session | None = None


class NewerDatabaseError(OperatingError):
    """The data was written by a newer version of Duecourse."""


class Database:
    """Sessions for reading and for writing. A session's objects live only inside its `with`.

    One at a time in a thread: whoever holds a connection and waits for a second one can wait for others who do the same. What is read
    within a snapshot is read by its session.
    """

    def __init__(self, url: str, pragmas: Sequence[str] = SQLITE_PRAGMAS) -> None:
        """`url` as SQLAlchemy has it: `sqlite:///path` or `postgresql+psycopg://user:password@host/name`. `pragmas` are SQLite's."""
        self.url, self._pragmas = url, tuple(pragmas)
        self.is_sqlite = url.startswith("sqlite")
        self.engine = self._create_sqlite_engine() if self.is_sqlite else self._create_postgres_engine()
        self._write_engine = self.engine.execution_options(write=True)
        self._write_lock = threading.Lock() if self.is_sqlite else None
        self._snapshots = _ThreadSnapshot()

    def _create_postgres_engine(self) -> Engine:
        given = make_url(self.url).query
        return create_engine(
            self.url,
            connect_args={name: value for name, value in POSTGRES_PATIENCE.items() if name not in given},
            pool_size=10,
            max_overflow=20,
            pool_pre_ping=True,
            json_serializer=_serialize_json,
            json_deserializer=orjson.loads,
        )

    def _create_sqlite_engine(self) -> Engine:
        engine = create_engine(
            self.url,
            connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            pool_size=10,
            max_overflow=20,
            json_serializer=_serialize_json,
            json_deserializer=orjson.loads,
        )

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
            for pragma in self._pragmas:
                connection.execute(f"PRAGMA {pragma}").close()

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            write = connection.get_execution_options().get("write")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

        return engine

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session for reading; nothing may be changed. Within a snapshot it is the snapshot's."""
        if self._snapshots.session is not None:
            yield self._snapshots.session
            return
        with Session(self.engine, autoflush=False) as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Open a session for reading that sees one state through many statements, whatever is written meanwhile; nothing may be changed.
        All that this thread reads meanwhile sees that state too, over the same connection."""
        if self._snapshots.session is not None:
            yield self._snapshots.session
            return
        engine = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        with Session(engine, autoflush=False) as session:
            self._snapshots.session = session
            try:
                yield session
            finally:
                self._snapshots.session = None

    @property
    def has_snapshot(self) -> bool:
        """Whether a snapshot is open in this thread."""
        return self._snapshots.session is not None

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction: committed when the block ends well, otherwise rolled back.

        SQLite has one writer at a time: waiting on a lock of this process is fair and cheap, its own busy wait is neither.
        """
        with self._write_lock or nullcontext(), Session(self._write_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def take_turns(self, session: Session, *what: str) -> None:
        """Let transactions over the same thing follow each other, from here to their ends: what one inserts, the next one finds when it
        looks it up. SQLite has one writer anyway."""
        if not self.is_sqlite:
            session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))"), {"what": "\n".join(what)})

    def build_insert(self, table: type[SQLModel]) -> postgresql.Insert | sqlite.Insert:
        """Build the dialect's INSERT, which supports ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def build_insert_or_ignore(self, table: type[SQLModel]) -> Insert:
        """Build an INSERT that skips rows whose key exists."""
        return self.build_insert(table).on_conflict_do_nothing()

    def find_known_revision(self) -> str | None:
        """Return the revision of the schema; None for an empty database. Raises NewerDatabaseError for one that is not known here."""
        scripts = ScriptDirectory.from_config(build_migration_config())
        with self.engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise NewerDatabaseError(
                f"this data was written by a newer version of Duecourse (schema {current}); "
                "install that version or name another data folder"
            )
        return current

    def migrate(self) -> None:
        """Migrate the schema to this version's. Raises NewerDatabaseError."""
        self.find_known_revision()
        with self._write_engine.begin() as connection:
            config = build_migration_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


__all__ = ["Database", "NewerDatabaseError", "tables"]


def build_migration_config() -> Config:
    """Where the migrations are: in a folder, and older ones in folders within."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR))
    config.set_main_option("recursive_version_locations", "true")
    return config
