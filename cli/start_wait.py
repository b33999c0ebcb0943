"""Waits, when a process starts, for the servers that start with it: PostgreSQL and Temporal may need longer than Duecourse."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from temporalio.client import Client

from adapters.config.settings import ENV_PREFIX, Settings
from adapters.database.engine import Database
from adapters.outages import describe_database_address
from adapters.process.server_watch import find_absence
from adapters.temporal.client import TemporalAbsentError, connect_client
from adapters.temporal.namespace_check import NamespaceUncheckedError, prepare_namespace
from adapters.temporal.task_time import choose_task_timeout
from adapters.temporal.transport_security import TransportSecurity
from domain.errors import OperatingError

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 1.0
DATABASE_URL = f"{ENV_PREFIX}DATABASE_URL"
_TEMPORAL_ABSENT = (TemporalAbsentError, NamespaceUncheckedError)

_REFUSED = re.compile(
    r"authentication failed|no password supplied|role .* does not exist|not permitted to log in|no pg_hba\.conf entry|permission denied|"
    r"invalid (port|sslmode|connection option)|certificate|does not support SSL|SSL is required",
    re.IGNORECASE,
)
_UNKNOWN_DATABASE = re.compile(r"database .* does not exist", re.IGNORECASE)
"""What PostgreSQL says that no waiting changes. Where it speaks another language, it is waited for in vain, and its words are shown."""

Say = Callable[[str], None]
Found = TypeVar("Found")


class DatabaseUnreachableError(OperatingError):
    """PostgreSQL does not answer, or lets nobody in by the address that is set."""


async def wait_for_database(settings: Settings, say: Say, patience: float = PATIENCE_SECONDS) -> None:
    """Return once the database server answers; at once where the database is a file. Raises DatabaseUnreachableError after `patience`
    seconds, and at once for what waiting does not change."""
    if settings.database_file is not None:
        return
    address = describe_database_address(settings.resolved_database_url)
    database = Database(settings.resolved_database_url)
    deadline, is_said = monotonic() + patience, False
    try:
        while (reason := await asyncio.to_thread(find_absence, database)) is not None:
            _refuse_what_stays(address, reason)
            if monotonic() >= deadline:
                raise DatabaseUnreachableError(
                    f"no database answers at {address} after {patience:g} s ({reason}); start it, or correct {DATABASE_URL}"
                )
            if not is_said:
                say(f"waiting for the database at {address}, for up to {patience:g} s ({reason}) …")
                is_said = True
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        database.close()
    if is_said:
        say(f"the database at {address} answers")


def _refuse_what_stays(address: str, reason: str) -> None:
    if _UNKNOWN_DATABASE.search(reason):
        raise DatabaseUnreachableError(
            f"the server has no database {address.rpartition('/')[2]} ({reason}); make it with `createdb`, or correct {DATABASE_URL}"
        )
    if _REFUSED.search(reason):
        raise DatabaseUnreachableError(f"the database at {address} lets nobody in by the address in {DATABASE_URL}; correct it ({reason})")


async def connect_to_set_server(settings: Settings, address: str, say: Say, patience: float = PATIENCE_SECONDS) -> Client:
    """Return a client of a Temporal server that is not ours to start, its namespace checked, once it answers.

    Raises TemporalUnreachableError and NamespaceError: after `patience` seconds for a server that is not there, at once for what waiting
    does not change.
    """
    security, task_timeout = TransportSecurity.from_settings(settings), choose_task_timeout(settings.worker_takeover_seconds)

    async def connect() -> Client:
        client = await connect_client(address, settings.temporal_namespace, security=security, task_timeout=task_timeout)
        await prepare_namespace(client, security.command_options)
        return client

    return await _try_until(connect, f"the Temporal server at {address}", say, patience)


async def _try_until(attempt: Callable[[], Awaitable[Found]], name: str, say: Say, patience: float) -> Found:
    deadline, is_said = monotonic() + patience, False
    while True:
        try:
            found = await attempt()
        except _TEMPORAL_ABSENT as error:
            if monotonic() >= deadline:
                raise
            if not is_said:
                say(f"waiting for {name}, for up to {patience:g} s: {error} …")
                is_said = True
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            if is_said:
                say(f"{name} answers")
            return found
