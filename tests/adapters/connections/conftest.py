"""A database of ours, and another house that can be connected to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.config.settings import Settings
from adapters.connections.connection_admin import ConnectionAdmin
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.database.engine import Database
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.connections.house import join_house
from tests.adapters.ledger.builders import AT
from tests.databases import open_sqlite_database


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LedgerConnectedWorld]:
    """Another house, which can be connected as kind `house` or `signing_house`."""
    with open_sqlite_database(tmp_path / "house.db") as database:
        join_house(database, monkeypatch)
        yield LedgerConnectedWorld(database)


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Database]:
    with open_sqlite_database(tmp_path / "ours.db") as database:
        yield database


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(data_dir=tmp_path)


@pytest.fixture
def systems(ours: Database, settings: Settings, house: LedgerConnectedWorld) -> ConnectionRegistry:
    return ConnectionRegistry(ours, settings, lambda: AT)


@pytest.fixture
def admin(ours: Database, settings: Settings, systems: ConnectionRegistry) -> ConnectionAdmin:
    return ConnectionAdmin(ours, settings, systems)
