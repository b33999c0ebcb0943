"""What an open page hears while it is shown: that something changed, and what does not work just now, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import NamedTuple

import orjson
import structlog
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError

from adapters.database.change_marks import read_change_mark
from adapters.mail.mail_server_watch import is_mail_server_away
from api.console.rendering import PageReader, load_reader
from api.context import ApiContext
from api.presenters.phrases import Phrases
from api.web.authentication import Context, require_actor
from api.web.problems import Problem
from api.web.request_target import EncodedPathRoute

log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False, route_class=EncodedPathRoute)

READ_EVERY_SECONDS = 2.0
LOOK_EVERY_SECONDS = 10.0
"""How often it is looked for what does not work: that asks the Temporal server."""

CHECK_SIGN_IN_EVERY = 15
"""After so many looks a listener must still be signed in."""


class Pulse(NamedTuple):
    """`mark`: another one when something changed. `absent`: what does not work, as phrases are called."""

    mark: str
    absent: tuple[str, ...]


class PulseReader:
    """Reads the pulse for all who listen, however many they are. Belongs to one event loop."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._lock = asyncio.Lock()
        self._read_at = self._looked_at = float("-inf")
        self._pulse = Pulse("", ())

    @property
    def absent(self) -> tuple[str, ...]:
        """What did not work when it was last read."""
        return self._pulse.absent

    async def keep_reading(self) -> None:
        """Read it again and again, whether anybody listens or not: pages say what does not work as they are made, too. Whatever goes wrong
        in one reading is logged and ends none of the others: pages would tell the last state for ever."""
        while True:
            try:
                await self.read()
            except Exception as error:
                log.error("what does not work could not be read", error=repr(error), exc_info=error)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def read(self) -> Pulse:
        """Return a pulse that is at most `READ_EVERY_SECONDS` old. Raises SQLAlchemyError."""
        async with self._lock:
            now = monotonic()
            if now - self._read_at >= READ_EVERY_SECONDS:
                mark = await run_in_threadpool(self._read_mark)
                absent = self._pulse.absent
                if now - self._looked_at >= LOOK_EVERY_SECONDS:
                    absent, self._looked_at = await self._find_absent(), now
                self._pulse, self._read_at = Pulse(mark, absent), now
            return self._pulse

    def _read_mark(self) -> str:
        return f"{self._context.today.isoformat()}.{read_change_mark(self._context.database)}"

    async def _find_absent(self) -> tuple[str, ...]:
        cases = self._context.cases
        found = []
        if not await cases.is_temporal_reachable():
            found.append("no_temporal")
        elif not await cases.has_workers():
            found.append("no_worker")
        if await run_in_threadpool(is_mail_server_away, self._context.database, self._context.now()):
            found.append("mail_away")
        return tuple(found)


@router.get("/live")
async def listen(request: Request, context: Context, actor: PageReader) -> StreamingResponse:
    """The stream ends when the server stops, or its reader is no longer signed in; a browser then asks again."""
    _, words = await run_in_threadpool(load_reader, context, actor)
    is_over: Callable[[], bool] = request.scope.get("is_stopping", lambda: False)

    async def tell_reader() -> AsyncIterator[bytes]:
        async for told in tell_changes(request.app.state.pulse, words, is_over):
            yield told
            if told == STILL_THERE and not await run_in_threadpool(_is_signed_in, request):
                return

    return StreamingResponse(tell_reader(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


STILL_THERE = b": still there\n\n"


async def tell_changes(pulses: PulseReader, words: Phrases, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield events: `changed` with the mark; `state` with what does not work, a JSON list. Both at first, then when they change."""
    told: Pulse | None = None
    looks = 0
    while not is_over():
        try:
            pulse = await pulses.read()
        except SQLAlchemyError:
            return
        if told is None or pulse.absent != told.absent:
            yield _encode_event("state", orjson.dumps([words.live[name] for name in pulse.absent]))
        if told is None or pulse.mark != told.mark:
            yield _encode_event("changed", pulse.mark.encode())
        told, looks = pulse, looks + 1
        if looks % CHECK_SIGN_IN_EVERY == 0:
            yield STILL_THERE
        await asyncio.sleep(READ_EVERY_SECONDS / 2)


def _encode_event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def _is_signed_in(request: Request) -> bool:
    try:
        require_actor(request)
    except (Problem, SQLAlchemyError):
        return False
    return True
