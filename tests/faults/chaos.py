"""What goes wrong in the chaos test, and when: chosen by a seeded random, held until it has really happened."""

import asyncio
import contextlib
import random

from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.tables import Message
from tests.faults.fault_environment import FaultEnvironment
from tests.faults.scripted_smtp_server import SmtpBehaviour

KILLS = 12
TEMPORAL_DIES_WITH = (3, 8)
"""During the lives of which workers the Temporal server is killed."""

MOODS = [
    (SmtpBehaviour.TAKES, 8),
    (SmtpBehaviour.DEFERS, 6),
    (SmtpBehaviour.TAKES, 6),
    (SmtpBehaviour.REFUSES, 5),
    (SmtpBehaviour.TAKES, 5),
    (SmtpBehaviour.LOSES_AND_HANGS_UP, 2),
    (SmtpBehaviour.TAKES_AND_HANGS_UP, 2),
    (SmtpBehaviour.TAKES, 4),
]
MOODS_AFTER_OUTAGE = 5
"""The moods that are still to come when the mail server goes away."""

DEFERRED_WHILE_DOWN = 3
"""The mail server stays away until so many letters could not be delivered."""

LONGEST_LIFE = 3.0
"""Seconds that a worker lives at most once it polls."""


class FaultInjector:
    def __init__(self, environment: FaultEnvironment, seed: int) -> None:
        self.kills = self.temporal_deaths = self.outages = 0
        self._environment, self._random = environment, random.Random(seed)
        environment.office.script = list(MOODS)

    async def run(self) -> None:
        """Until everything that shall go wrong has. A worker is alive at the end, and everything mended."""
        async with asyncio.TaskGroup() as plagues:
            plagues.create_task(self._kill_workers())
            plagues.create_task(self._close_the_office())

    async def _kill_workers(self) -> None:
        """At any moment of a worker's life; every other one dies with a letter in its hands, if there is one to send."""
        environment = self._environment
        for number in range(KILLS):
            worker = await environment.start_worker()
            if number in TEMPORAL_DIES_WITH:
                await asyncio.sleep(self._random.uniform(0, LONGEST_LIFE))
                await environment.kill_temporal()
                self.temporal_deaths += 1
            if number % 2:
                environment.office.arrival.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(environment.office.arrival.wait(), LONGEST_LIFE)
                await asyncio.sleep(self._random.uniform(0, 0.03))
            else:
                await asyncio.sleep(self._random.uniform(0, LONGEST_LIFE))
            await worker.kill()
            self.kills += 1
        await environment.start_worker()

    async def _close_the_office(self) -> None:
        """Amid its moods, while there are letters to come: after one that is in doubt none follows until a person has decided."""
        environment = self._environment
        script = environment.office.script
        await environment.wait_until(lambda: len(script) <= MOODS_AFTER_OUTAGE, "the mail server has been through its first moods")
        environment.office.close()
        await environment.wait_until(lambda: self._undeliverable() >= DEFERRED_WHILE_DOWN, "letters meet a mail server that is down")
        await environment.office.open()
        self.outages += 1
        await environment.wait_until(
            lambda: len(script) <= 1, "the mail server has been through its moods but the last, in which it takes all"
        )

    def _undeliverable(self) -> int:
        with self._environment.database.reading() as session:
            waiting = select(func.count()).where(col(Message.state) == "intended", col(Message.reply).startswith("No connection"))
            return int(session.execute(waiting).scalar_one())
