"""What cases have to say to customers: they ask for a letter here, and take it back when it has lost its object."""

import asyncio
from datetime import datetime

from temporalio import activity

from adapters.correspondence.case_letter_store import CaseLetterStore
from domain.case.letter_order import LetterOrder
from domain.clock import Clock


class CaseLetterActivities:
    def __init__(self, store: CaseLetterStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    @property
    def _business_now(self) -> datetime:
        """Business time at which this was asked for: the same when it is tried again."""
        return self._clock.to_business(activity.info().scheduled_time)

    @activity.defn
    async def ask_letter(self, order: LetterOrder) -> None:
        """Once by key, however often it is tried. What becomes of the letter, the case hears as the signal `letter_news`."""
        await asyncio.to_thread(self._store.request_letter, order, self._business_now)

    @activity.defn
    async def withdraw_letter(self, case_id: str, key: str) -> None:
        """By the key under which it was asked for. A letter that has gone, or is on its way, cannot be taken back."""
        await asyncio.to_thread(self._store.withdraw_letter, case_id, key, self._business_now)
