"""Group commit: writes that arrive together share one transaction. A single one is written at once, many are gathered."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from adapters.outages import is_database_away

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_BATCH_SIZE = 200
"""Writes in one transaction."""

CROWD_SIZE = 4
"""After a transaction of so many writes, the next ones gather for longer."""

CROWD_PATIENCE = 2.5
"""How many times longer. A write costs half as much among thirty as among five."""


class GroupCommit(Generic[Item, Result]):
    """Runs `write` in a thread, one call at a time, with every item that came in since the last call. Belongs to one event loop."""

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result]], gathering_seconds: float = 0) -> None:
        """`write` is all or nothing, returns a result per item, and may be repeated. `gathering_seconds`: the time for which items gather
        between two transactions while more arrive: a transaction costs more in statements than in rows. In a crowd it is more."""
        self._write, self._gathering_seconds = write, gathering_seconds
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """Write an item; return its result once its transaction is committed. Raises what `write` raises for this item alone."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        return await future

    async def _write_waiting(self) -> None:
        written = 0
        while self._waiting:
            if written:
                await asyncio.sleep(self._gathering_seconds * (CROWD_PATIENCE if written >= CROWD_SIZE else 1))
            batch, self._waiting = self._waiting[:MAX_BATCH_SIZE], self._waiting[MAX_BATCH_SIZE:]
            written = len(batch)
            try:
                results = await asyncio.to_thread(self._write, [item for item, _ in batch])
            except Exception as error:
                if is_database_away(error):
                    _fail(batch, error)
                else:
                    await self._write_one_by_one(batch)
                continue
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)

    async def _write_one_by_one(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        """Write each item in its own transaction, so that one that cannot be written does not fail the others."""
        for item, future in batch:
            try:
                (result,) = await asyncio.to_thread(self._write, [item])
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)


def _fail(batch: Sequence[tuple[Item, asyncio.Future[Result]]], error: Exception) -> None:
    """What none of them can do, each of them need not try."""
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
