"""Sends the letters whose slot has come: intent, sending, outcome, and the word to the cases that need it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import BaseModel
from sqlalchemy.exc import InterfaceError, OperationalError
from temporalio import activity

from activities.heartbeat import beating
from adapters.correspondence.letter_dispatch import LetterDesk, Sendable
from adapters.correspondence.outcome_feed import Postbox
from adapters.database.group_commit import GroupCommit
from adapters.mail.smtp_client import Delivery, Mailer, Outcome
from adapters.temporal.case_signals import CaseSignals
from domain.clock import Clock

BATCH = 200
"""Letters in one activity: few enough that a run which is interrupted has little to look through."""

DATABASE_REST_SECONDS = 1.0


class Tally(BaseModel):
    """How many letters came to which end."""

    sent: int = 0
    refused: int = 0
    deferred: int = 0
    unknown: int = 0
    void: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in Tally.model_fields})


class LetterSending:
    def __init__(self, desk: LetterDesk, mailer: Mailer, postbox: Postbox, signals: CaseSignals, clock: Clock, at_once: int = 4) -> None:
        """`at_once`: the mailer's connections; a process that dies leaves no more letters than these in doubt."""
        self._desk, self._mailer, self._postbox, self._signals = desk, mailer, postbox, signals
        self._clock, self._at_once = clock, at_once
        self._on_the_wire: set[int] = set()

    def _business_clock(self) -> Callable[[], datetime]:
        """Business time from here on, by the Temporal server's clock, which is the one that workflows go by."""
        begun, ticks = activity.info().started_time, asyncio.get_running_loop().time
        first = ticks()
        return lambda: self._clock.business(begun + timedelta(seconds=ticks() - first))

    @activity.defn
    async def select_letters(self) -> list[int]:
        """Claim what is due; the letters to send now."""
        now = self._business_clock()
        async with beating():
            await asyncio.to_thread(self._desk.settle_the_dead, now(), self._on_the_wire)
            return await asyncio.to_thread(self._desk.intend, now(), BATCH)

    @activity.defn
    async def send_letters(self, letters: list[int]) -> Tally:
        """Send each at most once. A worker that is asked to stop finishes the letters on the wire and leaves the others as they are."""
        waiting, tally, now = list(reversed(letters)), Tally(), self._business_clock()
        begin: GroupCommit[int, Sendable | None] = GroupCommit(lambda numbers: self._desk.begin(numbers, now()))
        end: GroupCommit[tuple[int, Delivery], None] = GroupCommit(lambda outcomes: self._desk.end(outcomes, now()))

        async def send(letter: int) -> str:
            try:
                sendable = await begin(letter)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                await asyncio.to_thread(self._desk.spoil, letter, f"{type(error).__name__}: {error}", now())
                return Outcome.REFUSED.value
            if sendable is None:
                return "void"
            delivery = await self._mailer.send(sendable.content, sendable.sender, [sendable.recipient])
            await self._until_written(end, (letter, delivery))
            return delivery.outcome.value

        async def send_one(letter: int) -> str:
            self._on_the_wire.add(letter)
            try:
                return await send(letter)
            finally:
                self._on_the_wire.discard(letter)

        async def work() -> None:
            nonlocal tally
            while waiting and not activity.is_worker_shutdown():
                outcome = await asyncio.shield(send_one(waiting.pop()))
                tally += Tally(**{outcome: 1})

        async with beating(), asyncio.TaskGroup() as sending:
            for _ in range(self._at_once):
                sending.create_task(work())
        return tally

    async def _until_written(self, end: GroupCommit[tuple[int, Delivery], None], outcome: tuple[int, Delivery]) -> None:
        """What the mail server said must not be lost because the database is away for a moment."""
        while True:
            try:
                await end(outcome)
            except (OperationalError, InterfaceError):
                await asyncio.sleep(DATABASE_REST_SECONDS)
            else:
                return

    @activity.defn(name="tell_invoices")
    async def tell_cases(self) -> int:
        """Signal what became of letters to the invoices that must know at once, and to the other cases that asked for one; how many.

        Recorded histories know this activity by the name that it had when only invoices asked for letters.
        """
        async with beating():
            return await self._tell_invoices() + await self._tell_other_cases()

    async def _tell_invoices(self) -> int:
        told = 0
        while batch := await asyncio.to_thread(self._postbox.untold, BATCH):
            for _, invoice_id, news in batch:
                await self._signals.tell(invoice_id, news)
            await asyncio.to_thread(self._postbox.told, [request for request, _, _ in batch])
            told += len(batch)
        return told

    async def _tell_other_cases(self) -> int:
        told = 0
        while batch := await asyncio.to_thread(self._postbox.untold_to_cases, BATCH):
            for one in batch:
                await self._signals.tell_case(one.case_id, one.news)
            await asyncio.to_thread(self._postbox.told_to_cases, batch)
            told += len(batch)
        return told
