"""Work on each of several systems, some at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")

MOST_AT_ONCE = 8


async def take_turns(systems: Sequence[str], work: Callable[[str], Awaitable[Result]]) -> list[Result]:
    """Return what came of each, in their order. Raises the first error, once all had their turn: one that fails holds up no other."""
    gate = asyncio.Semaphore(MOST_AT_ONCE)

    async def take_turn(system: str) -> Result:
        async with gate:
            return await work(system)

    ended = await asyncio.gather(*map(take_turn, systems), return_exceptions=True)
    if failed := [each for each in ended if isinstance(each, BaseException)]:
        raise failed[0]
    return [each for each in ended if not isinstance(each, BaseException)]
