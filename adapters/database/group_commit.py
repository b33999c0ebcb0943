"""Group commit: writes that arrive together share one transaction. One that comes alone goes at once; a crowd gathers."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MAX_BATCH_SIZE = 200
"""Writes in one transaction."""


class GroupCommit(Generic[Item, Answer]):
    """Runs `write` in a thread, one call at a time, with every item that came in since the last call. Belongs to one event loop."""

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Answer]], gathering_seconds: float = 0) -> None:
        """`write` is all or nothing, gives an answer per item, and may be repeated. `gathering` is how many seconds a crowd gathers
        between two transactions: a transaction costs more in statements than in rows."""
        self._write, self._gathering_seconds = write, gathering_seconds
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Answer:
        """The answer to this item, once its transaction is committed. Raises what `write` raises for this item alone."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        return await answer

    async def _write_waiting(self) -> None:
        crowded = False
        while self._waiting:
            if crowded:
                await asyncio.sleep(self._gathering_seconds)
            crowded = True
            batch, self._waiting = self._waiting[:MAX_BATCH_SIZE], self._waiting[MAX_BATCH_SIZE:]
            try:
                answers = await asyncio.to_thread(self._write, [item for item, _ in batch])
            except Exception:
                await self._write_one_by_one(batch)
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    async def _write_one_by_one(self, batch: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> None:
        """An item that cannot be written must not take the others with it."""
        for item, future in batch:
            try:
                (answer,) = await asyncio.to_thread(self._write, [item])
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(answer)
