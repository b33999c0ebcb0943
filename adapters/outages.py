"""Outages: a server of ours (the database, Temporal) that does not answer for a while, and how to outlast it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from temporalio.service import RPCError, RPCStatusCode

PAUSE_SECONDS = 1.0
_AWAY_CLASSES = ("08", "57P")
"""SQLSTATE: connection exceptions; a server that shuts down, starts, or ended our session."""
_TOO_MANY_CONNECTIONS = "53300"
_RPC_AWAY = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.UNKNOWN})

log = structlog.get_logger(__name__)


def is_database_away(error: BaseException) -> bool:
    """Return whether an error says that a database server is not there, or has gone. A database file is never away."""
    if isinstance(error, PoolTimeoutError):
        return True  # of the pool: all connections are busy, or wait for a server that does not answer
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", "")
    if state is None:  # nothing came from the server
        return isinstance(error, OperationalError | InterfaceError)
    return state.startswith(_AWAY_CLASSES) or state == _TOO_MANY_CONNECTIONS


def is_outage(error: BaseException) -> bool:
    """Return whether it is enough to try again later: a server that the attempt needed was away."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_outage(part) for part in error.exceptions)
    return (isinstance(error, RPCError) and error.status in _RPC_AWAY) or is_database_away(error)


def describe_outage(error: BaseException) -> str:
    """Return the first line of what the driver says, without the address that it says too."""
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    first = next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)
    return first.rpartition(" failed: ")[2]


def describe_database_address(url: str) -> str:
    """Return host and name, as a person knows the database; never its password."""
    parts = make_url(url)
    host = parts.host or parts.query.get("host") or "this machine"
    shown = host if isinstance(host, str) else ", ".join(host)
    return f"{shown}{f':{parts.port}' if parts.port else ''}/{parts.database}"


async def outlast(attempt: Callable[[], Awaitable[bool]], name: str) -> bool:
    """Return what an attempt returns that is made again and again; true where a server that it needed was away: there is more to do."""
    try:
        return await attempt()
    except Exception as error:
        if not is_outage(error):
            raise
        log.info("waits_for_server", what=name, reason=describe_outage(error))  # the watch over the servers warns, once
        return True


async def repeat_through_outages(duty: Callable[[], Awaitable[None]], stop: asyncio.Event, name: str) -> None:
    """Do a duty that ends with `stop`, anew after each outage that ended it."""

    async def fulfil() -> bool:
        await duty()
        return False

    while await outlast(fulfil, name) and not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)
