"""What every workflow of a case has in common: it writes down what the case noted, carries out what the case asks for, and waits."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.case_recording import Recording
    from domain import identifiers as ids
    from domain.approval.commands import Channel, Decision
    from domain.case.account_case import AccountCase
    from domain.case.case_view import CaseView
    from domain.case.command import ACT_REFUSED, Receipt
    from domain.case_record import Record
    from domain.clock import Clock, Moment
    from domain.invoice.invoice_case import Carried
    from domain.journal.entry_kinds import EntryKind

from workflows.case_runtime.activity_options import RECORD
from workflows.case_runtime.effect_dispatcher import Hears, HearsInvoice, Outbox, tell
from workflows.case_runtime.search_attributes import ShownInLists
from workflows.case_runtime.wake_timer import Alarm

PATIENCE = timedelta(minutes=1)
"""How long, in real time, a case that is over, or goes on in a new run, waits for its notices: people's lists tell the same."""

NOTHING_ASKED = "nothing of this case waits for a decision"


class CaseDesk:
    """The desk of one case. The case decides; its workflow says when to ask it; here it is written down and carried out.

    `view` shows the case under its run's id; `hears` takes in what billing answered; `invoice_changed` takes in an invoice that was
    settled before its hold reached it.
    """

    def __init__(
        self,
        case: AccountCase,
        clock: Clock,
        view: Callable[[str], CaseView],
        hears: Hears | None = None,
        invoice_changed: HearsInvoice | None = None,
    ) -> None:
        self.case, self.clock = case, clock
        self._view = view
        self._outbox = Outbox(case, lambda: self.clock, lambda: self.now, hears, invoice_changed)
        self._lists, self._alarm = ShownInLists(), Alarm()

    @property
    def now(self) -> Moment:
        real = workflow.now()
        return Moment(self.clock.business(real), real)

    def set_clock(self, clock: Clock) -> None:
        """A clock that is played fast stood still while Duecourse was down."""
        self.clock = clock
        self.case.note(EntryKind.CLOCK_SET, self.now, day_seconds=str(clock.day_seconds))

    # --- writing down, carrying out, waiting

    async def settle(self) -> None:
        """Until everything that the case noted is in the journal, and everything that it asked for is carried out, in order."""
        while self.case.journal.pending or self.case.outbox:
            await self._write_down()
            for effect in self.case.take_effects():
                await self._outbox.carry_out(effect)

    async def wait_for_a_reason(self, there_is_one: Callable[[], bool]) -> None:
        """What a case is begun for comes with its beginning, or just after it; unless it was done before, and is refused now."""
        if not there_is_one():
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(there_is_one, timeout=PATIENCE)

    async def wait_until(self, wakes_at: Callable[[], datetime | None]) -> None:
        """Until something happens by itself, or somebody reports something; now and then for nothing."""
        await self._alarm.wait(wakes_at(), self.clock, lambda: bool(self.case.journal.pending or self.case.outbox))

    async def finish(self, for_good: bool = True) -> None:
        """Leave nothing undone: every act is answered, everything noted is written down, the papers are made and the notices out. A case
        that ends for good waits for its approvals too; one that goes on in a new run hears them there."""

        def unsettled() -> bool:
            return bool(self.case.journal.pending or self.case.outbox)

        def idle() -> bool:
            return workflow.all_handlers_finished() and not self._outbox.waiting(for_good)

        deadline = workflow.now() + PATIENCE
        while unsettled() or not idle():
            await self.settle()
            left = deadline - workflow.now()
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: unsettled() or idle(), timeout=left if left > timedelta(0) else None)
            if workflow.now() >= deadline and workflow.all_handlers_finished() and not unsettled():
                return

    async def receipt(self, act_id: str, seq: int | None) -> Receipt:
        """The answer to a person's act, once the journal has it."""
        await workflow.wait_condition(lambda: all(entry.facts.get("act") != act_id for entry in self.case.journal.pending))
        return Receipt(act_id=act_id, seq=seq, repeated=seq is None)

    async def _write_down(self) -> None:
        while self.case.journal.pending:
            entries, view = list(self.case.journal.pending), self._view(workflow.info().first_execution_run_id)
            record = Record(
                now=self.now.business, entries=entries, case=view, carried=Carried(**self.case.leaves().model_dump())
            )  # fmt: skip
            answer = await workflow.execute_local_activity_method(Recording.record, record, **RECORD)
            if answer.carried:
                self.case.take_up(answer.carried)
                continue
            self.case.journal.written(entries[-1].seq, answer.head)
            self._lists.show(view)

    async def hand_on(self, decision: Decision, number: int | None) -> None:
        """A decision that came to the case reaches its approval that waits for it; without one, its refusal is journalled."""
        if number is None or not await tell(ids.approval_case(self.case.journal.case_id, number), "decided", from_outside(decision)):
            self.case.note(
                EntryKind.ACT_REFUSED, self.now, decision.actor, act=decision.act_id, what=decision.journal_name, reason=NOTHING_ASKED
            )  # fmt: skip


def from_outside(decision: Decision) -> Decision:
    """What did not come to the approval itself was written to Temporal directly, whatever it says of itself."""
    return decision.model_copy(update={"channel": Channel.TEMPORAL})


def refuse(reason: str | None) -> None:
    """Raises ApplicationError with the reason in words, if there is one."""
    if reason:
        raise ApplicationError(reason, type=ACT_REFUSED, non_retryable=True)
