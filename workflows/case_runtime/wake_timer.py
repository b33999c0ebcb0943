"""The one timer of a case."""

import asyncio
from collections.abc import Callable
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
        self._has_fired = False

    async def wait(self, until: datetime | None, clock: Clock, has_event: Callable[[], bool]) -> None:
        """Wait until that business time (UTC) or until a message came; it may return early. A time that is past needs no timer."""
        now = workflow.now()
        if until and until <= clock.to_business(now):
            return
        if until:
            self._set_timer(now + clock.real_time_until(until, now), now)
        self._has_fired = False
        await workflow.wait_condition(lambda: self._has_fired or has_event())

    def _set_timer(self, at: datetime, now: datetime) -> None:
        """In real time. What rings earlier has the case look again, and set the alarm for what is left."""
        if all(earlier > at for earlier in self._pending_times):
            self._pending_times.append(at)
            asyncio.get_running_loop().call_later((at - now).total_seconds(), self._fire_timer, at)

    def _fire_timer(self, at: datetime) -> None:
        self._pending_times.remove(at)
        self._has_fired = True
