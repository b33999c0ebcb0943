"""How long tests wait for what must come. It comes far sooner, but the machine may be busy; a wait that ends well costs no more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

PATIENCE = 300
"""Seconds until a test gives up waiting."""


class Looks(AsyncIterator[int]):
    """Looks, numbered from 0 and `pause` seconds apart, for as long as tests are patient:

    async for _ in Looks():
        if has_come():
            return
    raise AssertionError(...)
    """

    def __init__(self, pause: float = 0.02) -> None:
        self._pause, self._number, self._end = pause, -1, monotonic() + PATIENCE

    async def __anext__(self) -> int:
        if self._number >= 0:
            if monotonic() > self._end:
                raise StopAsyncIteration
            await asyncio.sleep(self._pause)
        self._number += 1
        return self._number


async def wait_until(holds: Callable[[], Awaitable[object]], what: str) -> None:
    """Until it holds; it is asked again and again, for as long as tests are patient."""
    async for _ in Looks():
        if await holds():
            return
    raise AssertionError(f"waited in vain: {what}")
