"""One line that says how far a test run has come: rewritten in place on a terminal, printed at every twentieth part elsewhere."""

import sys
import time

import pytest

PARTS = 20


def format_progress(done: int, total: int, failed: int, seconds: float) -> str:
    """Return for example `2,431 of 5,419 tests (44 %), 0 failed, 4 min 12 s`."""
    share = f" ({done * 100 // total} %)" if total else ""
    return f"{done:,} of {total:,} tests{share}, {failed} failed, {int(seconds) // 60} min {int(seconds) % 60:02} s"


class ProgressLine:
    """Registered in the process that reports; workers of pytest-xdist report to it."""

    def __init__(self, config: pytest.Config) -> None:
        self._terminal = sys.stdout.isatty() and config.get_verbosity() <= 0
        self._started = time.perf_counter()
        self._total = self._done = self._failed = self._shown = 0

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._total = len(ids)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._total = len(session.items) or self._total

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """A test that passed needs no dot."""
        return ("passed", "", "") if report.passed and report.when == "call" and not hasattr(report, "wasxfail") else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or (report.when == "setup" and not report.passed):
            self._done += 1
        self._failed += report.failed
        part = self._done * PARTS // self._total if self._total else 0
        if self._terminal or part > self._shown:
            self._shown = part
            line = format_progress(self._done, self._total, self._failed, time.perf_counter() - self._started)
            print(f"\r\x1b[2K{line}" if self._terminal else line, end="" if self._terminal else "\n", file=sys.__stdout__, flush=True)

    def pytest_sessionfinish(self) -> None:
        if self._terminal:
            print(file=sys.__stdout__)
