"""Sends the letters whose slot has come: intent, sending, outcome, and the word to the cases that need it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import BaseModel
from sqlalchemy.exc import InterfaceError, OperationalError
from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.correspondence.letter_dispatch import LetterDispatch, OutgoingLetter
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.group_commit import GroupCommit
from adapters.database.row_states import MessageState
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult, Mailer
from adapters.temporal.case_signals import CaseSignals
from domain.clock import Clock

BATCH_SIZE = 200
"""Letters in one activity: few enough that a run which is interrupted has little to look through."""

DATABASE_RETRY_SECONDS = 1.0


class LetterTally(BaseModel):
    """How many letters came to which end."""

    sent: int = 0
    refused: int = 0
    deferred: int = 0
    unknown: int = 0
    void: int = 0

    def __add__(self, other: "LetterTally") -> "LetterTally":
        return LetterTally(**{name: getattr(self, name) + getattr(other, name) for name in LetterTally.model_fields})


class CorrespondenceActivities:
    def __init__(
        self, dispatch: LetterDispatch, mailer: Mailer, outcome_feed: OutcomeFeed, signals: CaseSignals, clock: Clock, concurrency: int = 4
    ) -> None:
        """`at_once`: the mailer's connections; a process that dies leaves no more letters than these in doubt."""
        self._dispatch, self._mailer, self._outcome_feed, self._signals = dispatch, mailer, outcome_feed, signals
        self._clock, self._concurrency = clock, concurrency
        self._in_transmission: set[int] = set()

    def _build_business_clock(self) -> Callable[[], datetime]:
        """Business time from here on, by the Temporal server's clock, which is the one that workflows go by."""
        begun, ticks = activity.info().started_time, asyncio.get_running_loop().time
        first = ticks()
        return lambda: self._clock.to_business(begun + timedelta(seconds=ticks() - first))

    @activity.defn
    async def select_letters(self) -> list[int]:
        """Claim what is due; the letters to send now."""
        now = self._build_business_clock()
        async with heartbeating():
            await asyncio.to_thread(self._dispatch.mark_abandoned_letters, now(), self._in_transmission)
            return await asyncio.to_thread(self._dispatch.claim_due_letters, now(), BATCH_SIZE)

    @activity.defn
    async def send_letters(self, letters: list[int]) -> LetterTally:
        """Send each at most once. A worker that is asked to stop finishes the letters on the wire and leaves the others as they are."""
        waiting, tally, now = list(reversed(letters)), LetterTally(), self._build_business_clock()
        begin: GroupCommit[int, OutgoingLetter | None] = GroupCommit(lambda numbers: self._dispatch.begin_transmission(numbers, now()))
        end: GroupCommit[tuple[int, DeliveryResult], None] = GroupCommit(lambda outcomes: self._dispatch.record_outcomes(outcomes, now()))

        async def send(letter: int) -> str:
            try:
                sendable = await begin(letter)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                await asyncio.to_thread(self._dispatch.refuse_unwritable_letter, letter, f"{type(error).__name__}: {error}", now())
                return DeliveryOutcome.REFUSED.value
            if sendable is None:
                return MessageState.VOID.value
            delivery = await self._mailer.send(sendable.content, sendable.sender, [sendable.recipient])
            await self._write_outcome(end, (letter, delivery))
            return delivery.outcome.value

        async def send_one(letter: int) -> str:
            self._in_transmission.add(letter)
            try:
                return await send(letter)
            finally:
                self._in_transmission.discard(letter)

        async def work() -> None:
            nonlocal tally
            while waiting and not activity.is_worker_shutdown():
                outcome = await asyncio.shield(send_one(waiting.pop()))
                tally += LetterTally(**{outcome: 1})

        async with heartbeating(), asyncio.TaskGroup() as sending:
            for _ in range(self._concurrency):
                sending.create_task(work())
        return tally

    async def _write_outcome(self, write: GroupCommit[tuple[int, DeliveryResult], None], outcome: tuple[int, DeliveryResult]) -> None:
        """What the mail server said must not be lost because the database is away for a moment."""
        while True:
            try:
                await write(outcome)
            except (OperationalError, InterfaceError):
                await asyncio.sleep(DATABASE_RETRY_SECONDS)
            else:
                return

    @activity.defn(name="tell_invoices")
    async def tell_cases(self) -> int:
        """Signal what became of letters to the invoices that must know at once, and to the other cases that asked for one; how many.

        Recorded histories know this activity by the name that it had when only invoices asked for letters.
        """
        async with heartbeating():
            return await self._notify_invoices() + await self._notify_other_cases()

    async def _notify_invoices(self) -> int:
        told = 0
        while batch := await asyncio.to_thread(self._outcome_feed.list_invoice_outcomes, BATCH_SIZE):
            for _, invoice_id, news in batch:
                await self._signals.notify_invoice(invoice_id, news)
            await asyncio.to_thread(self._outcome_feed.mark_invoices_notified, [request for request, _, _ in batch])
            told += len(batch)
        return told

    async def _notify_other_cases(self) -> int:
        told = 0
        while batch := await asyncio.to_thread(self._outcome_feed.list_case_outcomes, BATCH_SIZE):
            for one in batch:
                await self._signals.notify_case(one.case_id, one.outcome)
            await asyncio.to_thread(self._outcome_feed.mark_cases_notified, batch)
            told += len(batch)
        return told
