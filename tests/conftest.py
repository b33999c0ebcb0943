"""Fixtures for all tests, and how a test run ends."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from adapters.process.gc_tuning import collect_garbage_rarely, freeze_loaded_objects
from tests.databases import _sqlite_template, database, postgres_server, share_compiled_statements
from tests.processes.pytest_processes import Interpreter, fork_interpreters
from tests.progress_line import ProgressLine
from tests.session_guard import one_session_at_a_time, watch_over_sessions

__all__ = ["database", "one_session_at_a_time", "postgres_server", "watch_over_sessions"]

structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])
"""The default draws all local variables of a traceback, which takes seconds."""

collect_garbage_rarely()
share_compiled_statements()

os.environ.setdefault("GOGC", "off")
os.environ.setdefault("GOMEMLIMIT", "512MiB")
"""Temporal servers that live for seconds look for garbage only when they need as much memory as this."""

os.environ.setdefault("TOKIO_WORKER_THREADS", "1")
"""The SDK does little in a test; to hand that from thread to thread would cost as much as it does, where all processors are busy."""

_status = pytest.StashKey[int]()


LONG_FIRST = (
    "test_real_year.py",
    "test_real_file.py",
    "test_sample_played.py",
    "test_decisions_without_workers.py",
    # four short ones: whoever plays one of the first four is given one unit more at once, which waits until the play is over
    "test_identifiers.py",
    "test_money.py",
    "test_errors.py",
    "test_case_summary.py",
    "test_chaos.py",
    "test_killed_worker.py",
    "test_decisions_and_a_killed_worker.py",
    "test_database_restart.py",
    "in_browser",
    "hostile",
    "test_languages.py",
    "faults",
    "test_up.py",
    "workflows",
    "test_architecture.py",
)
"""Files and folders whose tests take long, the longest first: begun last, they would keep one process busy while the others have nothing
left to do."""

APART = ("test_real_file.py", "test_chaos.py", "test_killed_worker.py")
"""Files whose tests share nothing that takes time to make: each of them may run in another process."""


SHARED = ("in_browser",)
"""Folders whose files share what takes time to make: all their tests run in one process."""


class FileScheduling(LoadFileScheduling):  # type: ignore[misc]
    """A file's tests run in one process, with those of the files with which it shares; but those that are long may be spread."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        if file.name in APART:
            return nodeid
        return str(file.parent if file.parent.name in SHARED else file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return FileScheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Interpreter]) -> None:
    fork_interpreters(specs, config.args)


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
    if hasattr(config, "workerinput") or config.option.collectonly or _status not in config.stash:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(config.stash[_status])
