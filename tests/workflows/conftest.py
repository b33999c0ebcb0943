"""The environment of a module's tests, and what must hold at the end of each of them."""

import shutil
from collections.abc import AsyncIterator

import pytest

from adapters.database.engine import Database
from tests.databases import PostgresServer, _sqlite_template

pytest.register_assert_rewrite("tests.workflows.collection_environment", "tests.workflows.chain_assertions")

from tests.workflows.account_commands import AccountCommands  # noqa: E402 - after the line above
from tests.workflows.collection_environment import CollectionEnvironment, start_collection_environment  # noqa: E402 - its assertions explain themselves
from tests.workflows.people import People, gather_people  # noqa: E402 - after the line above


@pytest.fixture(scope="module")
async def shared_environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CollectionEnvironment]:
    """One play for the module's tests, on SQLite; a module that is parametrised with a kind of database is played on that."""
    folder = tmp_path_factory.mktemp("stage")
    if getattr(request, "param", "sqlite") == "sqlite":
        shutil.copy(_sqlite_template(), folder / "duecourse.db")
        url = f"sqlite:///{folder / 'duecourse.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create()
    database = Database(url)
    async with start_collection_environment(database, folder) as environment:
        yield environment
    database.close()


@pytest.fixture
async def environment(shared_environment: CollectionEnvironment) -> AsyncIterator[CollectionEnvironment]:
    """At the end of every test each journal is whole, and its head is the one in the server's history."""
    yield shared_environment
    await shared_environment.close()


@pytest.fixture
def cases(environment: CollectionEnvironment) -> AccountCommands:
    """What people do to an account's cases; a module about disputes has its own."""
    return AccountCommands(environment)


@pytest.fixture
async def people(environment: CollectionEnvironment) -> AsyncIterator[People]:
    async with gather_people(environment) as people:
        yield people
