"""Erases an account's personal details when its case asks for it."""

import asyncio

from temporalio import activity
from temporalio.exceptions import ApplicationError

from adapters.audit.erasure import Erasure, UnknownAccountError
from domain.clock import Clock
from domain.erasure.commands import EraseAccount
from domain.erasure.report import ErasureAnswer


class AccountErasing:
    def __init__(self, erasure: Erasure, clock: Clock) -> None:
        self._erasure, self._clock = erasure, clock

    @activity.defn
    async def erase_account(self, act: EraseAccount) -> ErasureAnswer:
        """Everything in one transaction, once by the act's id: tried again, it answers what it answered first."""
        now = self._clock.business(activity.info().scheduled_time)
        try:
            return ErasureAnswer.of(await asyncio.to_thread(self._erasure.erase, act, now))
        except UnknownAccountError as error:
            raise ApplicationError(str(error), type="UnknownAccount", non_retryable=True) from error
