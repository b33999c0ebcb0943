"""The stage of a module's tests, and what must be so at the end of each of them."""

import shutil
from collections.abc import AsyncIterator

import pytest

from adapters.database.engine import Database
from tests.databases import PostgresServer, _sqlite_template

pytest.register_assert_rewrite("tests.workflows.stage", "tests.workflows.chain_assertions")

from tests.workflows.stage import PlayStage, start_stage  # noqa: E402 - its assertions explain themselves


@pytest.fixture(scope="module")
async def theatre(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PlayStage]:
    """One play for the module's tests, on SQLite; a module that is parametrised with a kind of database is played on that."""
    folder = tmp_path_factory.mktemp("stage")
    if getattr(request, "param", "sqlite") == "sqlite":
        shutil.copy(_sqlite_template(), folder / "duecourse.db")
        url = f"sqlite:///{folder / 'duecourse.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create()
    database = Database(url)
    async with start_stage(database, folder) as stage:
        yield stage
    database.close()


@pytest.fixture
async def stage(theatre: PlayStage) -> AsyncIterator[PlayStage]:
    """At the end of every test each journal is whole, and its head is the one in the server's history."""
    yield theatre
    await theatre.close()
