"""How the workflow tasks of a case stay apart in a replay when its journal is slow to answer."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from temporalio import workflow

UNREACHED = timedelta(days=365)
"""The separator's timer is cancelled long before."""


class TaskSeparator:
    """Keeps what a case computes before a journal write at its own time, in every replay.

    A local activity that outlasts four fifths of the workflow task's timeout (10 s) makes the SDK complete the task and go on in the next
    one. If the history has no command since the task before, a replay takes both tasks for one, at the time of the later: `workflow.now()`
    *before* the write is then not what it was, and a case whose clock is played fast sets other deadlines than its history has.

    So a timer is pending for as long as the write is. Where the task is completed meanwhile, the timer's start is the command that keeps
    it apart; where it is not, as nearly always, start and cancellation meet in the same task and leave no event. Whoever reads the time
    while a write is pending calls `renew`, for the next task may be completed early, too.
    """

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._timers: list[asyncio.TimerHandle] = []
        self._started_at: datetime | None = None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep apart the task that is under way, while the journal is written."""
        if not self._enabled:
            yield
            return
        self._start_timer()
        try:
            yield
        finally:
            timers, self._timers = self._timers, []
            for timer in timers:
                timer.cancel()

    def renew(self) -> None:
        """Keep apart the task that is under way now, if a write is pending that began in an earlier one."""
        if self._timers and self._started_at != workflow.now():
            self._start_timer()

    def _start_timer(self) -> None:
        self._started_at = workflow.now()
        self._timers.append(asyncio.get_running_loop().call_later(UNREACHED.total_seconds(), _ignore))


def _ignore() -> None:
    """A timer that is there for its command alone."""
