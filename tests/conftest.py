"""Fixtures for all tests, and how a test run ends."""

import os
import shutil
import sys

import pytest
import structlog

from adapters.process.gc_tuning import freeze_loaded_objects
from tests.databases import _sqlite_template, database, postgres_server
from tests.progress_line import ProgressLine
from tests.session_guard import one_session_at_a_time, watch_over_sessions

__all__ = ["database", "one_session_at_a_time", "postgres_server", "watch_over_sessions"]

structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])
"""The default draws all local variables of a traceback, which takes seconds."""

_status = pytest.StashKey[int]()


LONG_FIRST = ("test_real_year.py", "test_real_file.py", "faults", "workflows")
"""Files and folders whose few tests take long: begun last, they would keep one process busy while the others have nothing left to do."""


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ProgressLine(config), "progress-line")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((place for place, name in enumerate(LONG_FIRST) if name in item.path.parts), len(LONG_FIRST)))


def pytest_collection_finish() -> None:
    """Thousands of tests need not be looked through for garbage."""
    freeze_loaded_objects()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_status] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave at once: after Temporal's test servers the interpreter can abort while it shuts down, and turn success into failure.

    A worker of pytest-xdist reports to its master until the end, and ends with it.
    """
    if _sqlite_template.cache_info().currsize:
        shutil.rmtree(_sqlite_template().parent, ignore_errors=True)
    if hasattr(config, "workerinput") or _status not in config.stash:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(config.stash[_status])
