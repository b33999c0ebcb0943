"""Seals the journal once a business day is over, and sends the seal out of the house."""

import asyncio
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.heartbeat import beating
from adapters.audit.seals.seal_mail import SealMail
from adapters.audit.seals.seal_store import SealBook, SealOrderError
from domain.audit.seal import Seal
from domain.clock import Clock


class Sealed(BaseModel):
    """`told_of`: the journal says so already. `clock` is the business clock, by which it will be written down."""

    seal: Seal
    told_of: bool
    clock: Clock


class Sealing:
    def __init__(self, book: SealBook, mail: SealMail, clock: Clock) -> None:
        self._book, self._mail, self._clock = book, mail, clock

    @activity.defn
    async def make_seal(self) -> Sealed:
        """Of the business day that was over when this was asked for. Tried again, it gives the same seal.

        A day before the last one sealed, as when a clock was set back, is given up: the next day's run is not to wait behind it."""
        day = self._clock.business(activity.info().scheduled_time).date() - timedelta(days=1)
        async with beating():
            try:
                seal = await asyncio.to_thread(self._book.make, day, datetime.now(UTC))
            except SealOrderError as error:
                raise ApplicationError(str(error), type="SealOrder", non_retryable=True) from error
            told_of = await asyncio.to_thread(self._book.told_of, day)
        return Sealed(seal=seal, told_of=told_of, clock=self._clock)

    @activity.defn
    async def mail_seal(self, seal: Seal) -> bool:
        """Whether there is somebody to have it, and it went."""
        return await self._mail.send(seal)
