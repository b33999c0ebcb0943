"""Keeps a played clock in the process that plays it: records its progress, and makes the changes that people ask for."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.database.clock_store import apply_clock_change, record_clock_progress
from adapters.database.engine import Database
from adapters.database.live_clock import LiveClock
from adapters.outages import outlast, repeat_through_outages
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from adapters.temporal.client import list_open_cases, signal_clock
from adapters.temporal.schedules import keep_schedules

LOOK_SECONDS = 0.5
VISIBILITY_SECONDS = 3.0
"""After which a case that began just before the change is listed, too."""

log = structlog.get_logger()


class ClockKeeper:
    """One for each data folder that is played. `clock` is the one that all parts of this process share."""

    def __init__(self, database: Database, client: Client, clock: LiveClock) -> None:
        self._database, self._client, self._clock = database, client, clock
        self._set_aside = SetAsideStore(database)
        self._telling: asyncio.Task[None] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        recording = repeat_through_outages(lambda: record_clock_progress(self._database, self._clock, stop), stop, "the clock's progress")
        await asyncio.gather(recording, self._make_changes(stop))

    async def make_change(self) -> bool:
        """Make the change that was asked for, if any, and tell the schedules and every open case; return whether there was one.

        This process goes on by the new clock at once, so that a case that begins from now on has it; one that is open has it as soon as it
        hears of it. What a case has done by then stays done, and is not done again.
        """
        changed = await asyncio.to_thread(apply_clock_change, self._database, datetime.now(UTC))
        if changed is None:
            return False
        self._clock.take_over(changed)
        log.info("clock_changed", paused=changed.paused, day_seconds=changed.day_seconds)
        await keep_schedules(self._client, changed, self._set_aside)
        told = await self._tell_cases(())
        self._telling = asyncio.create_task(self._tell_newcomers(told))
        return True

    async def _tell_newcomers(self, told: Collection[str]) -> None:
        """Tell the clock as it is then to the cases that began while the others were told."""
        await asyncio.sleep(VISIBILITY_SECONDS)
        try:
            await self._tell_cases(told)
        except RPCError as error:
            log.warning("clock_change_not_told", reason=str(error))

    async def _tell_cases(self, told: Collection[str]) -> set[str]:
        cases = {case_id for case_id in await list_open_cases(self._client) if case_id not in told}
        await self._tell_clock(cases)
        return cases

    async def _tell_clock(self, cases: Collection[str]) -> None:
        """Tell the clock to cases; one that cannot be told is set aside."""
        failed = await signal_clock(self._client, cases, self._clock.get_current())
        await asyncio.to_thread(self._set_aside.set_all_aside, SetAsideStage.CLOCK, failed)
        await asyncio.to_thread(self._set_aside.settle, SetAsideStage.CLOCK, set(cases) - failed.keys())

    async def tell_set_aside(self) -> None:
        """Tell the cases that could not be told and are to be tried now."""
        now, waiting = datetime.now(UTC), await asyncio.to_thread(self._set_aside.list_waiting, SetAsideStage.CLOCK)
        if due := [case_id for case_id, item in waiting.items() if not item.is_resting(now)]:
            await self._tell_clock(due)

    async def _make_changes(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await outlast(self._make_change_and_tell, "a change of the clock")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)

    async def _make_change_and_tell(self) -> bool:
        try:
            await self.tell_set_aside()
            return await self.make_change()
        except RPCError as error:
            log.warning("clock_change_not_told", reason=str(error))
            return True
