"""Production's worker in a process of its own, to be killed. It differs in one thing: it gives up on the dead after seconds, not minutes.

It ends with its standard input, so that no worker outlives the tests that started it.
"""

import asyncio
import os
import sys
import threading
from datetime import timedelta

from activities import heartbeat
from adapters.composition import compose_services
from adapters.config.settings import Settings
from adapters.temporal.client import connect_client
from worker import build_worker
from workflows.case_runtime import activity_options as options

READY = "working"
PRESUMED_DEAD = timedelta(seconds=3)
BACKOFF = (timedelta(seconds=0.5), timedelta(seconds=1))


async def work() -> None:
    settings = Settings.load()
    if settings.temporal_address is None:
        raise SystemExit("a worker for tests needs DUECOURSE_TEMPORAL_ADDRESS")
    heartbeat.HEARTBEAT_SECONDS = 1.0
    for times in (options.SELECT_LETTERS_OPTIONS, options.SEND_LETTERS_OPTIONS, options.DELIVER_EVENTS_OPTIONS):
        times["heartbeat_timeout"] = timedelta(seconds=5)
    client = await connect_client(settings.temporal_address, settings.temporal_namespace, seconds=60)
    async with build_worker(client, compose_services(settings), presumed_dead=PRESUMED_DEAD, backoff=BACKOFF):
        print(READY, flush=True)
        await asyncio.Event().wait()


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_input, daemon=True).start()
    asyncio.run(work())
