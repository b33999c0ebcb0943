"""Seals the journal once a business day is over, and sends the seal out of the house."""

import asyncio
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel
from temporalio import activity

from activities.heartbeat import heartbeating
from activities.permanent_failures import failing_permanently
from adapters.audit.seals.seal_mail import SealMail
from adapters.audit.seals.seal_store import SealStore
from adapters.notifications.staff_notices import NoticeDeferredError
from adapters.notifications.staff_notifier import MOST_DEFERRALS
from adapters.set_aside.each import concerns_all
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain.audit.seal import Seal
from domain.clock import Clock


class DailySealResult(BaseModel):
    """`told_of`: the journal says so already. `clock` is the business clock, by which it will be written down."""

    seal: Seal
    told_of: bool
    clock: Clock


class DailySealActivities:
    def __init__(self, store: SealStore, mail: SealMail, clock: Clock, set_aside: SetAsideStore) -> None:
        self._store, self._mail, self._clock, self._set_aside = store, mail, clock, set_aside

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
        """Whether there is somebody to have it, and it went. One that cannot be sent is set aside, and sent with a later one."""
        went = await self._mail_or_set_aside(seal)
        now, waiting = datetime.now(UTC), await asyncio.to_thread(self._set_aside.list_waiting, SetAsideStage.SEAL_MAIL)
        due = {day for day, item in waiting.items() if not item.is_resting(now)} - {seal.day.isoformat()}
        if due:
            for earlier in await asyncio.to_thread(self._store.list_seals):
                if earlier.day.isoformat() in due:
                    await self._mail_or_set_aside(earlier)
        return went

    async def _mail_or_set_aside(self, seal: Seal) -> bool:
        """Raises NoticeDeferredError while the mail server may only have a passing trouble."""
        day = seal.day.isoformat()
        try:
            went = await self._mail.send(seal)
        except Exception as error:
            if concerns_all(error) or (isinstance(error, NoticeDeferredError) and activity.info().attempt < MOST_DEFERRALS):
                raise
            await asyncio.to_thread(self._set_aside.set_aside, SetAsideStage.SEAL_MAIL, day, error)
            return False
        await asyncio.to_thread(self._set_aside.settle, SetAsideStage.SEAL_MAIL, {day})
        return went
