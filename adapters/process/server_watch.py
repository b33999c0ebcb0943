"""Watches the servers that a long-running process rests on, the database and Temporal: says once that one is away, once that it is back.

Nothing depends on the watch: what needs a server tries again by itself. It is there for whoever looks at the screen, the log or /readyz.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Self

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.database.engine import Database
from adapters.outages import describe_database_address, describe_outage, is_outage

LOOK_SECONDS = 2.0
DATABASE_ANSWER_SECONDS = 15.0
TEMPORAL_ANSWER_SECONDS = 5.0
MISSES = 2
"""How often a server must not have answered in time: once may be this machine's being busy. One that refuses is away at once."""

log = structlog.get_logger(__name__)

Look = Callable[[], Awaitable[str | None]]
"""Why a server does not answer, in its driver's words; None when it answers. May last for as long as the server pleases."""


@dataclass
class WatchedServer:
    """`name` is what people call it; `look` is given up after `seconds`. `away_since` is the process's own clock; None while it answers."""

    name: str
    look: Look
    seconds: float
    away_since: float | None = None
    misses: int = 0
    under_way: "asyncio.Task[str | None] | None" = None


class ServerWatch:
    def __init__(self, servers: Sequence[WatchedServer], say: Callable[[str], None], pause: float = LOOK_SECONDS) -> None:
        """`say` shows a line to whoever looks at the process. `pause` is in seconds."""
        self._servers, self._say, self._pause = servers, say, pause

    @property
    def absent(self) -> list[str]:
        """The names of the servers that were away when last looked at."""
        return [server.name for server in self._servers if server.away_since is not None]

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Self]:
        """Watch for as long as the block lasts."""
        task = asyncio.create_task(self._look_regularly())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _look_regularly(self) -> None:
        while True:
            await asyncio.gather(*(self.look_at(server) for server in self._servers))
            await asyncio.sleep(self._pause)

    async def look_at(self, server: WatchedServer) -> None:
        """Look whether a server answers; say so when that is another answer than the last time."""
        looking = server.under_way or asyncio.ensure_future(server.look())
        done, _ = await asyncio.wait({looking}, timeout=server.seconds)
        server.under_way = None if done else looking
        reason = looking.result() if done else f"no answer in {server.seconds:g} s"
        server.misses = 0 if done else server.misses + 1
        if reason is None:
            self._note_return(server)
        elif done or server.misses >= MISSES:
            self._note_absence(server, reason)

    def _note_absence(self, server: WatchedServer, reason: str) -> None:
        if server.away_since is None:
            server.away_since = monotonic()
            log.warning("server_away", server=server.name, reason=reason)
            self._say(f"{server.name} does not answer ({reason}); all that needs it waits, and goes on by itself")

    def _note_return(self, server: WatchedServer) -> None:
        if server.away_since is not None:
            away = timedelta(seconds=round(monotonic() - server.away_since))
            server.away_since = None
            log.warning("server_back", server=server.name, away_seconds=away.total_seconds())
            self._say(f"{server.name} answers again, after {away.total_seconds():.0f} s; everything goes on")


def list_watched_servers(database: Database, client: Client) -> list[WatchedServer]:
    """Return Temporal, and the database unless it is a file."""
    temporal = WatchedServer(
        f"the Temporal server at {client.service_client.config.target_host}", lambda: _ask_temporal(client), TEMPORAL_ANSWER_SECONDS + 1
    )
    if database.is_sqlite:
        return [temporal]
    thread = ThreadPoolExecutor(1, "server-watch")
    """Its own: those of the event loop may all wait for the database."""

    async def ask_database() -> str | None:
        return await asyncio.get_running_loop().run_in_executor(thread, find_absence, database)

    return [WatchedServer(f"the database at {describe_database_address(database.url)}", ask_database, DATABASE_ANSWER_SECONDS), temporal]


def find_absence(database: Database) -> str | None:
    """Return why the database does not answer; None when it does, and when all our connections are busy, which it then is with us."""
    try:
        with database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except PoolTimeoutError:
        return None
    except SQLAlchemyError as error:
        return describe_outage(error)
    return None


async def _ask_temporal(client: Client) -> str | None:
    try:
        is_well = await client.service_client.check_health(timeout=timedelta(seconds=TEMPORAL_ANSWER_SECONDS))
    except RPCError as error:
        return str(error) if is_outage(error) else None  # whoever refuses the question is there
    except RuntimeError as error:
        return str(error)
    return None if is_well else "it says that it is not serving"
