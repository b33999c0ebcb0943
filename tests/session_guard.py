"""No thread may hold two connections to the database.

Under load, those who hold one and wait for a second one would all wait for each other, until the pool gives up.
"""

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.database.engine import Database
from adapters.shipped_files import PROJECT

HERE = PROJECT / "tests"
OUR_FRAMES = 8


class _Held(threading.local):
    """The databases that this thread has a session of."""

    def __init__(self) -> None:
        self.databases: list[Database] = []


_held = _Held()
_nested: list[str] = []


def _watched(opening: Any, joins_snapshot: bool = True) -> Any:
    """`joins_snapshot`: within a snapshot it is the snapshot's own connection."""

    @contextmanager
    def watched(database: Database) -> Iterator[Any]:
        if database in _held.databases and not (joins_snapshot and database.has_snapshot):
            _note(traceback.extract_stack()[-OUR_FRAMES:-2])
        _held.databases.append(database)
        try:
            with opening(database) as session:
                yield session
        finally:
            _held.databases.remove(database)

    return watched


def _note(frames: list[traceback.FrameSummary]) -> None:
    """Unless a test asks, which has no others to wait for."""
    if HERE not in Path(frames[-1].filename).parents:
        _nested.append("".join(traceback.format_list(frames)))


@pytest.fixture(autouse=True, scope="session")
def watch_over_sessions() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "reading", _watched(Database.reading))
        patch.setattr(Database, "snapshot", _watched(Database.snapshot))
        patch.setattr(Database, "writing", _watched(Database.writing, joins_snapshot=False))
        yield


@pytest.fixture(autouse=True)
def one_session_at_a_time(watch_over_sessions: None) -> Iterator[None]:
    yield
    found, _nested[:] = list(_nested), []
    assert not found, "a session was opened inside another one:\n" + "\n".join(found)
