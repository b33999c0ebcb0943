"""What cases have to say to customers: they ask for a letter here, and take it back when it has lost its object."""

import asyncio
from datetime import datetime

from temporalio import activity

from adapters.correspondence.case_letter_store import CaseLetterBook
from domain.case.letter_order import LetterOrder
from domain.clock import Clock


class CaseLetters:
    def __init__(self, book: CaseLetterBook, clock: Clock) -> None:
        self._book, self._clock = book, clock

    @property
    def _now(self) -> datetime:
        """Business time at which this was asked for: the same when it is tried again."""
        return self._clock.business(activity.info().scheduled_time)

    @activity.defn
    async def ask_letter(self, order: LetterOrder) -> None:
        """Once by key, however often it is tried. What becomes of the letter, the case hears as the signal `letter_news`."""
        await asyncio.to_thread(self._book.ask, order, self._now)

    @activity.defn
    async def withdraw_letter(self, case_id: str, key: str) -> None:
        """By the key under which it was asked for. A letter that has gone, or is on its way, cannot be taken back."""
        await asyncio.to_thread(self._book.withdraw, case_id, key, self._now)
