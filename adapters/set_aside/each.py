"""Handles many things, each on its own: what fails is returned, and keeps back no other."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from temporalio.service import RPCError, RPCStatusCode

from adapters.outages import is_database_away

Value = TypeVar("Value")

MAX_CONCURRENT_CALLS = 60

_SERVER_IS_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.UNIMPLEMENTED,
    }
)
"""So the Temporal server answers whoever asks. Every other refusal is of the one thing that it was asked for."""


def concerns_all(error: BaseException) -> bool:
    """Whether an error says that a server is away, and nothing about the thing that was handled: then all of them wait."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(concerns_all, error.exceptions))
    if isinstance(error, RPCError):
        return error.status in _SERVER_IS_AWAY
    return isinstance(error, OperationalError | InterfaceError) or is_database_away(error)


async def try_each(calls: Mapping[str, Callable[[], Awaitable[object]]]) -> dict[str, Exception]:
    """Make all calls, MAX_CONCURRENT_CALLS at a time; return the errors of those that failed, by key. Raises what concerns all."""
    gate, failed = asyncio.Semaphore(MAX_CONCURRENT_CALLS), dict[str, Exception]()

    async def try_one(key: str, call: Callable[[], Awaitable[object]]) -> None:
        async with gate:
            try:
                await call()
            except Exception as error:
                if concerns_all(error):
                    raise
                failed[key] = error

    async with asyncio.TaskGroup() as under_way:
        for key, call in calls.items():
            under_way.create_task(try_one(key, call))
    return failed


def load_each(load: Callable[[Sequence[str]], Mapping[str, Value]], keys: Iterable[str]) -> tuple[dict[str, Value], dict[str, Exception]]:
    """Load all at once, and one by one only where that fails; return what was loaded, and the errors, by key. Raises what concerns all."""
    wanted = list(keys)
    try:
        return dict(load(wanted)), {}
    except Exception as error:
        if concerns_all(error):
            raise
    loaded, failed = dict[str, Value](), dict[str, Exception]()
    for key in wanted:
        try:
            loaded |= load([key])
        except Exception as error:
            if concerns_all(error):
                raise
            failed[key] = error
    return loaded, failed
