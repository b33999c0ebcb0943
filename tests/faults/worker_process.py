"""Production's worker in a process of its own, to be killed. It differs in one thing: it gives up on the dead after seconds, not minutes.

It ends with the connection over which it was asked for, so that no worker outlives the tests that started it.
"""

import asyncio
import os
import socket
import threading
import traceback
from datetime import timedelta

from activities import heartbeat
from adapters.composition import compose_services
from adapters.config.settings import Settings
from adapters.temporal.client import connect_client
from adapters.temporal.task_time import choose_task_timeout
from worker import build_worker
from workflows.case_runtime import activity_options as options

READY = "working"
PRESUMED_DEAD = timedelta(seconds=3)
BACKOFF = (timedelta(seconds=0.5), timedelta(seconds=1))


async def work(connection: socket.socket) -> None:
    settings = Settings.load()
    if settings.temporal_address is None:
        raise SystemExit("a worker for tests needs DUECOURSE_TEMPORAL_ADDRESS")
    heartbeat.HEARTBEAT_SECONDS = 1.0
    for times in (options.SELECT_LETTERS_OPTIONS, options.SEND_LETTERS_OPTIONS, options.DELIVER_EVENTS_OPTIONS):
        times["heartbeat_timeout"] = timedelta(seconds=5)
    task_timeout = choose_task_timeout(settings.worker_takeover_seconds)
    client = await connect_client(settings.temporal_address, settings.temporal_namespace, seconds=60, task_timeout=task_timeout)
    async with build_worker(client, compose_services(settings), presumed_dead=PRESUMED_DEAD, backoff=BACKOFF):
        connection.sendall(f"{READY}\n".encode())
        await asyncio.Event().wait()


def run_worker(connection: socket.socket) -> None:
    """Work in this process; READY goes over the connection."""
    threading.Thread(target=end_with, args=(connection,), daemon=True).start()
    try:
        asyncio.run(work(connection))
    except BaseException:
        traceback.print_exc()
        raise


def end_with(connection: socket.socket) -> None:
    connection.recv(1)
    os._exit(1)
