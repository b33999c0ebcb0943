"""The stage of a module's tests, on SQLite, and what must be so at the end of each of them."""

import shutil
from collections.abc import AsyncIterator

import pytest

from adapters.database import Database
from tests.databases import _sqlite_template

pytest.register_assert_rewrite("tests.workflows.stage")

from tests.workflows.stage import Stage, staged  # noqa: E402 - its assertions explain themselves


@pytest.fixture(scope="module")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One play for the module's tests."""
    folder = tmp_path_factory.mktemp("stage")
    shutil.copy(_sqlite_template(), folder / "duecourse.db")
    database = Database(f"sqlite:///{folder / 'duecourse.db'}")
    async with staged(database, folder) as stage:
        yield stage
    database.close()


@pytest.fixture
async def stage(theatre: Stage) -> AsyncIterator[Stage]:
    """At the end of every test each journal is whole, and its head is the one in the server's history."""
    yield theatre
    await theatre.close()
