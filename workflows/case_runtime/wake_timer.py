"""The one timer of a case."""

import asyncio
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.clock import Clock


class WakeTimer:
    """Rings at business times. What was set rings, though the case may wait for something else by then: it looks, and waits on.

    Nothing that was set is taken back, so that what a case hears while it waits costs no timer: docs/decisions/0019.
    """

    def __init__(self) -> None:
        self._pending_times: list[datetime] = []
        self.has_rung = False

    def set(self, until: datetime | None, clock: Clock) -> None:
        """Have it ring at that business time (UTC), and `has_rung` then; None: whatever was set before may ring. A time that is past needs
        no timer."""
        now = workflow.now()
        self.has_rung = until is not None and until <= clock.to_business(now)
        if until and not self.has_rung:
            self._set_timer(now + clock.real_time_until(until, now), now)

    def _set_timer(self, at: datetime, now: datetime) -> None:
        """In real time. What rings earlier has the case look again, and set the alarm for what is left."""
        if all(earlier > at for earlier in self._pending_times):
            self._pending_times.append(at)
            asyncio.get_running_loop().call_later((at - now).total_seconds(), self._fire_timer, at)

    def _fire_timer(self, at: datetime) -> None:
        self._pending_times.remove(at)
        self.has_rung = True
