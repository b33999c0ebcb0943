"""A change of the played clock: asked for here, made by the process that plays it."""

import asyncio

from fastapi.concurrency import run_in_threadpool

from adapters.database.clock_store import ClockChange, is_clock_change_pending, request_clock_change
from adapters.database.row_states import ClockChannel
from api.context import ApiContext

TAKE_OVER_SECONDS = 3.0
LOOK_SECONDS = 0.1


async def change_clock(context: ApiContext, change: ClockChange, by: str, channel: ClockChannel) -> bool:
    """Ask for the change, in the name of `by`, and wait for it; return whether it was made in time. Raises RealClockError."""
    await run_in_threadpool(request_clock_change, context.database, change, by, channel)
    for _ in range(round(TAKE_OVER_SECONDS / LOOK_SECONDS)):
        if not await run_in_threadpool(is_clock_change_pending, context.database):
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False
