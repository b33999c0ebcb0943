"""Send the letters whose slot has come, record their outcomes, and signal these to the cases that need them at once.

What is said to the mail server is in `adapters/mail/smtp_client.py`.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic

from pydantic import BaseModel
from sqlalchemy.exc import InterfaceError, OperationalError
from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.correspondence.letter_outbox import LetterOutbox, OutgoingLetter, PreparedLetter
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.group_commit import GroupCommit
from adapters.database.row_states import MessageState
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult, Mailer
from adapters.set_aside.each import concerns_all
from adapters.temporal.case_signals import CaseSignals
from domain.clock import Clock
from domain.correspondence.letter_outcome import LetterOutcome
from domain.identifiers import invoice_case_id

BATCH_SIZE = 200
"""Letters in one activity: few enough that a run which is interrupted has little to look through."""

PREPARED_AHEAD = 40
"""Letters that are prepared before their turn, so that they share the queries for what they rest on."""

PREPARED_FOR_SECONDS = 2.0
"""After that a prepared letter is read again. Its invoices are looked at once more in any case; its address and the credit are not."""

DATABASE_RETRY_SECONDS = 1.0

LOOK_AHEAD_SECONDS = 1.0
"""Where a business day lasts seconds, a run waits for slots that come before the next run begins: it could pass all contact hours by."""


class LetterTally(BaseModel):
    """The number of letters by result."""

    sent: int = 0
    refused: int = 0
    deferred: int = 0
    unknown: int = 0
    void: int = 0

    def __add__(self, other: "LetterTally") -> "LetterTally":
        return LetterTally(**{name: getattr(self, name) + getattr(other, name) for name in LetterTally.model_fields})


class _LetterBatch:
    """The letters of one activity, sent at most once each by workers that share the queue; last those with which something goes along, as a
    billing system that has to give it may take its time. Such a letter is read for itself and just before it goes: no other waits for it,
    and nothing is fetched twice.

    `in_transmission` has the letters on the wire, of all batches of this process: they must not pass for abandoned.
    """

    def __init__(
        self,
        letters: Sequence[int],
        with_copies: Collection[int],
        outbox: LetterOutbox,
        mailer: Mailer,
        now: Callable[[], datetime],
        in_transmission: set[int],
    ) -> None:
        """`with_copies`: the letters with which something goes along; `now` gives business time."""
        self.tally = LetterTally()
        self._with_copies = frozenset(with_copies)
        self._queue = sorted(letters, key=lambda letter: letter in self._with_copies)[::-1]
        self._prepared: dict[int, PreparedLetter] = {}
        self._prepared_until = 0.0
        self._outbox, self._mailer, self._now, self._in_transmission = outbox, mailer, now, in_transmission
        self._begin: GroupCommit[int, OutgoingLetter | None] = GroupCommit(self._begin_transmission)
        self._record: GroupCommit[tuple[int, DeliveryResult], None] = GroupCommit(lambda outcomes: outbox.record_outcomes(outcomes, now()))

    def _begin_transmission(self, letters: Sequence[int]) -> list[OutgoingLetter | None]:
        """Begin letters, and prepare the next ones with them: to read what many letters rest on costs little more than for one."""
        if monotonic() > self._prepared_until or not self._prepared.keys() & set(letters):
            self._prepare_letters(letters)
        begun = self._outbox.begin_transmission(letters, self._now(), self._prepared)
        # a letter that goes changes what its account's next one refers to
        accounts = {self._prepared[letter].content.customer.account_id for letter in letters if letter in self._prepared}
        self._prepared = {n: letter for n, letter in self._prepared.items() if letter.content.customer.account_id not in accounts}
        return begun

    def _prepare_letters(self, letters: Sequence[int]) -> None:
        """Prepare letters with those that are next; one that cannot be written must not keep the others back."""
        self._prepared = {}
        following = [letter for letter in self._queue[-PREPARED_AHEAD:] if letter not in self._with_copies]
        with suppress(Exception):
            self._prepared = self._outbox.prepare_letters([*letters, *following], self._now())
        self._prepared_until = monotonic() + PREPARED_FOR_SECONDS

    async def run_worker(self) -> None:
        """Send letters until none is left, or the Temporal worker is asked to stop; a letter on the wire is finished in any case."""
        while self._queue and not activity.is_worker_shutdown():
            result = await asyncio.shield(self._send_alone(self._queue.pop()))
            self.tally += LetterTally(**{result: 1})

    async def _send_alone(self, letter: int) -> str:
        """Send one letter; where that fails for a reason of its own, it is set aside, and keeps no other back."""
        try:
            return await self._send_tracked(letter)
        except Exception as error:
            if concerns_all(error):
                raise
            activity.logger.error("the letter %s could not be sent, and is set aside: %s", letter, error)
            await asyncio.to_thread(self._outbox.set_letter_aside, letter, error)
            return DeliveryOutcome.DEFERRED.value

    async def _send_tracked(self, letter: int) -> str:
        self._in_transmission.add(letter)
        try:
            return await self._send(letter)
        finally:
            self._in_transmission.discard(letter)

    async def _send(self, letter: int) -> str:
        """Send one letter and record its outcome; the result, a field of the tally. One whose address cannot be written is refused: a
        person corrects it."""
        try:
            outgoing = await (self._begin_alone(letter) if letter in self._with_copies else self._begin(letter))
        except ValueError as error:
            reason = f"{type(error).__name__}: {error}"
            await asyncio.to_thread(self._outbox.refuse_unwritable_letter, letter, reason, self._now())
            return DeliveryOutcome.REFUSED.value
        if outgoing is None:
            return MessageState.VOID.value
        delivery = await self._mailer.send(outgoing.content, outgoing.sender, [outgoing.recipient])
        await self._record_outcome(letter, delivery)
        return delivery.outcome.value

    async def _begin_alone(self, letter: int) -> OutgoingLetter | None:
        """Fetch what goes along with a letter, and begin it. What is prepared of its account does not refer to it yet: read it again."""
        (begun,) = await asyncio.to_thread(self._outbox.begin_transmission, [letter], self._now())
        self._prepared_until = 0.0
        return begun

    async def _record_outcome(self, letter: int, delivery: DeliveryResult) -> None:
        """Record the mail server's answer, however often the database is away: lost, it would leave the letter in doubt."""
        while True:
            try:
                await self._record((letter, delivery))
            except (OperationalError, InterfaceError):
                await asyncio.sleep(DATABASE_RETRY_SECONDS)
            else:
                return


class LetterSendingActivities:
    """The activities of a correspondence run."""

    def __init__(
        self, outbox: LetterOutbox, mailer: Mailer, outcome_feed: OutcomeFeed, signals: CaseSignals, clock: Clock, concurrency: int = 4
    ) -> None:
        """`concurrency`: the mailer's connections; a process that dies leaves no more letters than these in doubt."""
        self._outbox, self._mailer, self._outcome_feed, self._signals = outbox, mailer, outcome_feed, signals
        self._clock, self._concurrency = clock, concurrency
        self._in_transmission: set[int] = set()
        self._selected: tuple[Sequence[int], datetime] = (), clock.business_anchor
        self._looks_ahead: tuple[str, float] = "", 0.0

    def _build_business_clock(self) -> Callable[[], datetime]:
        """Return a clock of business time that starts from the Temporal server's time, which is the one that workflows use."""
        started_at, monotonic = activity.info().started_time, asyncio.get_running_loop().time
        started = monotonic()
        return lambda: self._clock.to_business(started_at + timedelta(seconds=monotonic() - started))

    @activity.defn
    async def select_letters(self) -> list[int]:
        """Claim the requests that are due; return the letters to send now, by number."""
        now = self._build_business_clock()
        async with heartbeating():
            await asyncio.to_thread(self._outbox.look_for_abandoned_letters, now(), self._in_transmission)
            letters = await self._claim_letters(now())
            if not letters and not self._clock.hours_matter and await self._wait_for_slot(now):
                letters = await self._claim_letters(now())
            return letters

    async def _claim_letters(self, now: datetime) -> list[int]:
        letters = await asyncio.to_thread(self._outbox.claim_due_letters, now, BATCH_SIZE)
        self._selected = tuple(letters), now
        return letters

    async def _wait_for_slot(self, now: Callable[[], datetime]) -> bool:
        """Wait for the next slot, and return true, if it comes within what the run looks ahead."""
        run = activity.info().workflow_run_id or ""
        if self._looks_ahead[0] != run:
            self._looks_ahead = run, monotonic() + LOOK_AHEAD_SECONDS
        slot = await asyncio.to_thread(self._outbox.find_next_slot, now())
        if slot is None:
            return False
        wait = (self._clock.to_real(slot) - self._clock.to_real(now())).total_seconds()
        if monotonic() + wait > self._looks_ahead[1]:
            return False
        await asyncio.sleep(max(wait, 0) + 0.001)
        return True

    @activity.defn
    async def send_letters(self, letters: list[int]) -> LetterTally:
        """Send each letter at most once. A worker that is asked to stop finishes the letters on the wire and leaves the others."""
        now = self._build_business_clock()
        selected, selected_at = self._selected
        if not self._clock.hours_matter and selected == tuple(letters):
            now = lambda: selected_at  # noqa: E731 - the contact hours would be over before the last one of them is sent
        with_copies = await asyncio.to_thread(self._outbox.list_letters_with_copies, letters)
        batch = _LetterBatch(letters, with_copies, self._outbox, self._mailer, now, self._in_transmission)
        async with heartbeating(), asyncio.TaskGroup() as workers:
            for _ in range(self._concurrency):
                workers.create_task(batch.run_worker())
        return batch.tally

    @activity.defn(name="tell_invoices")
    async def notify_cases(self) -> int:
        """Signal letters' outcomes to the invoices that need them at once, and to the other cases that requested one; return how many.

        Recorded histories know this activity by the name that it had when only invoices asked for letters.
        """
        async with heartbeating():
            await self._tell_set_aside_outcomes()
            return await self._notify_invoices() + await self._notify_other_cases()

    async def _notify_invoices(self) -> int:
        count = 0
        while batch := await asyncio.to_thread(self._outcome_feed.list_invoice_outcomes, BATCH_SIZE):
            await self._tell_outcomes([(invoice_case_id(invoice_id), outcome) for _, invoice_id, outcome in batch])
            await asyncio.to_thread(self._outcome_feed.mark_invoices_notified, [request for request, _, _ in batch])
            count += len(batch)
        return count

    async def _notify_other_cases(self) -> int:
        count = 0
        while batch := await asyncio.to_thread(self._outcome_feed.list_case_outcomes, BATCH_SIZE):
            await self._tell_outcomes([(case_outcome.case_id, case_outcome.outcome) for case_outcome in batch])
            await asyncio.to_thread(self._outcome_feed.mark_cases_notified, batch)
            count += len(batch)
        return count

    async def _tell_outcomes(self, outcomes: Sequence[tuple[str, LetterOutcome]]) -> bool:
        """Tell each case its letter's outcome, in their order; one that cannot be told is set aside. Whether all were told."""
        failed: list[tuple[str, LetterOutcome, Exception]] = []
        for case_id, outcome in outcomes:
            try:
                await self._signals.notify_case(case_id, outcome)
            except Exception as error:
                if concerns_all(error):
                    raise
                failed.append((case_id, outcome, error))
        await asyncio.to_thread(self._outcome_feed.set_outcomes_aside, failed)
        return not failed

    async def _tell_set_aside_outcomes(self) -> None:
        for item_id, case_id, outcome in await asyncio.to_thread(self._outcome_feed.list_outcomes_set_aside):
            if await self._tell_outcomes([(case_id, outcome)]):
                await asyncio.to_thread(self._outcome_feed.settle_outcome, item_id)
