"""Has a connected system read or compared at once, beside the answer: it may take minutes."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from adapters.connections.connection_registry import ConnectedSystem
from adapters.connections.connection_runs import ConnectionRuns
from adapters.connections.connection_store import UnknownConnectionError
from adapters.database.row_states import ConnectionRunKind
from api.context import ApiContext


def require_connection(context: ApiContext, connection_id: str) -> ConnectedSystem:
    """By its id, or by its name where one company has it. Raises UnknownConnectionError."""
    found = context.connected.find(connection_id)
    if len(found) != 1:
        which = "there are several connections" if found else "there is no connection"
        raise UnknownConnectionError(f"{which} {connection_id!r}; GET /v1/connections lists all with their ids")
    return found[0]


async def begin_run(app: FastAPI, context: ApiContext, system: ConnectedSystem, kind: ConnectionRunKind, by: str) -> datetime:
    """Return when it began, real time. What it found is kept; how it ended, the connection says. Raises RunInProgressError."""
    runs = ConnectionRuns(context.database)
    begun_at = await run_in_threadpool(runs.begin, system.key, kind, by)
    run: Callable[[ConnectedSystem, str], object] = runs.read if kind is ConnectionRunKind.READING else runs.compare
    task = asyncio.create_task(_run(context, lambda: run(system, by)))
    app.state.connection_tasks.add(task)
    task.add_done_callback(app.state.connection_tasks.discard)
    return begun_at


async def _run(context: ApiContext, run: Callable[[], object]) -> None:
    await run_in_threadpool(run)
    await context.cases.trigger_billing_sync()
