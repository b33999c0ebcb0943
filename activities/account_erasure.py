"""Erases an account's personal details when its case asks for it."""

import asyncio

from temporalio import activity

from activities.permanent_failures import failing_permanently
from adapters.audit.erasure import AccountEraser
from domain.clock import Clock
from domain.erasure.commands import EraseAccount
from domain.erasure.report import ErasureResult


class AccountErasureActivities:
    def __init__(self, eraser: AccountEraser, clock: Clock) -> None:
        self._eraser, self._clock = eraser, clock

    @activity.defn
    async def erase_account(self, command: EraseAccount) -> ErasureResult:
        """Everything in one transaction, once by the act's id: tried again, it answers what it answered first."""
        now = self._clock.to_business(activity.info().scheduled_time)
        with failing_permanently():
            return ErasureResult.from_report(await asyncio.to_thread(self._eraser.erase_account, command, now))
