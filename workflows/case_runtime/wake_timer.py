"""How a case wakes by itself."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.clock import Clock


class Alarm:
    """Rings at business times. What was set rings, though the case may wait for something else by then: it looks, and waits on.

    Nothing that was set is taken back, so that what a case hears while it waits costs no timer: docs/decisions/0019.
    """

    def __init__(self) -> None:
        self._set_for: list[datetime] = []
        self._rang = False

    async def wait(self, until: datetime | None, clock: Clock, heard: Callable[[], bool]) -> None:
        """Until that business time is there, or something was heard; now and then for nothing. What is due already waits for no timer."""
        now = workflow.now()
        if until and until <= clock.business(now):
            return
        if until:
            self._set(now + clock.real_wait(until, now), now)
        self._rang = False
        await workflow.wait_condition(lambda: self._rang or heard())

    def _set(self, at: datetime, now: datetime) -> None:
        """In real time. What rings earlier has the case look again, and set the alarm for what is left."""
        if all(earlier > at for earlier in self._set_for):
            self._set_for.append(at)
            asyncio.get_running_loop().call_later((at - now).total_seconds(), self._ring, at)

    def _ring(self, at: datetime) -> None:
        self._set_for.remove(at)
        self._rang = True
