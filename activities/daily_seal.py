"""Seals the journal once a business day is over, and sends the seal out of the house."""

import asyncio
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel
from temporalio import activity

from activities.heartbeat import heartbeating
from activities.permanent_failures import failing_permanently
from adapters.audit.seals.seal_mail import SealMail
from adapters.audit.seals.seal_store import SealStore
from domain.audit.seal import Seal
from domain.clock import Clock


class DailySealResult(BaseModel):
    """`told_of`: the journal says so already. `clock` is the business clock, by which it will be written down."""

    seal: Seal
    told_of: bool
    clock: Clock


class DailySealActivities:
    def __init__(self, store: SealStore, mail: SealMail, clock: Clock) -> None:
        self._store, self._mail, self._clock = store, mail, clock

    @activity.defn
    async def make_seal(self) -> DailySealResult:
        """Of the business day that was over when this was asked for. Tried again, it gives the same seal.

        A day before the last one sealed, as when a clock was set back, is given up: the next day's run is not to wait behind it."""
        day = self._clock.to_business(activity.info().scheduled_time).date() - timedelta(days=1)
        async with heartbeating():
            with failing_permanently():
                seal = await asyncio.to_thread(self._store.make_seal, day, datetime.now(UTC))
            told_of = await asyncio.to_thread(self._store.is_journalled, day)
        return DailySealResult(seal=seal, told_of=told_of, clock=self._clock)

    @activity.defn
    async def mail_seal(self, seal: Seal) -> bool:
        """Whether there is somebody to have it, and it went."""
        return await self._mail.send(seal)
