"""What every workflow of a case has in common: it writes down what the case noted, carries out what the case asks for, and waits."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.case_recording import CaseRecordingActivities
    from domain import identifiers as ids
    from domain.approval.commands import DecideApproval, DecisionChannel
    from domain.case.account_case import AccountCase
    from domain.case.case_view import CaseView
    from domain.case.command import COMMAND_REJECTED, CommandReceipt
    from domain.case.command_handling import record_rejection
    from domain.case.handler_names import SignalName
    from domain.case_record import CaseWrite
    from domain.clock import Clock, Moment
    from domain.invoice.invoice_case import CarriedState
    from domain.journal.entry_kinds import EntryKind

from workflows.case_runtime.activity_options import RECORD_OPTIONS
from workflows.case_runtime.effect_dispatcher import BillingResultHandler, EffectDispatcher, InvoiceUpdateHandler, signal_case
from workflows.case_runtime.search_attributes import SearchAttributeUpdater
from workflows.case_runtime.wake_timer import WakeTimer

MAX_WAIT = timedelta(minutes=1)
"""How long, in real time, a case that is over, or goes on in a new run, waits for its notices: people's lists tell the same."""

NO_PENDING_APPROVAL = "nothing of this case waits for a decision"


class CaseSession:
    """The desk of one case. The case decides; its workflow says when to ask it; here it is written down and carried out.

    `view` shows the case under its run's id; `hears` takes in what billing answered; `invoice_changed` takes in an invoice that was
    settled before its hold reached it.
    """

    def __init__(
        self,
        case: AccountCase,
        clock: Clock,
        build_view: Callable[[str], CaseView],
        on_billing_result: BillingResultHandler | None = None,
        on_invoice_changed: InvoiceUpdateHandler | None = None,
    ) -> None:
        self.case, self.clock = case, clock
        self._build_view = build_view
        self._dispatcher = EffectDispatcher(case, lambda: self.clock, lambda: self.now, on_billing_result, on_invoice_changed)
        self._search_attributes, self._wake_timer = SearchAttributeUpdater(), WakeTimer()

    @property
    def now(self) -> Moment:
        real = workflow.now()
        return Moment(self.clock.to_business(real), real)

    def set_clock(self, clock: Clock) -> None:
        """A clock that is played fast stood still while Duecourse was down."""
        self.clock = clock
        self.case.write_entry(EntryKind.CLOCK_SET, self.now, day_seconds=str(clock.day_seconds))

    # --- writing down, carrying out, waiting

    async def settle(self) -> None:
        """Until everything that the case noted is in the journal, and everything that it asked for is carried out, in order."""
        while self.case.journal.pending or self.case.outbox:
            await self._write_journal()
            for effect in self.case.take_effects():
                await self._dispatcher.execute_effect(effect)

    async def wait_for_first_request(self, has_request: Callable[[], bool]) -> None:
        """What a case is begun for comes with its beginning, or just after it; unless it was done before, and is refused now."""
        if not has_request():
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(has_request, timeout=MAX_WAIT)

    async def wait_until(self, wakes_at: Callable[[], datetime | None]) -> None:
        """Until something happens by itself, or somebody reports something; now and then for nothing."""
        await self._wake_timer.wait(wakes_at(), self.clock, lambda: bool(self.case.journal.pending or self.case.outbox))

    async def finish(self, for_good: bool = True) -> None:
        """Leave nothing undone: every act is answered, everything noted is written down, the papers are made and the notices out. A case
        that ends for good waits for its approvals too; one that goes on in a new run hears them there."""

        def unsettled() -> bool:
            return bool(self.case.journal.pending or self.case.outbox)

        def idle() -> bool:
            return workflow.all_handlers_finished() and not self._dispatcher.has_pending_work(for_good)

        deadline = workflow.now() + MAX_WAIT
        while unsettled() or not idle():
            await self.settle()
            left = deadline - workflow.now()
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: unsettled() or idle(), timeout=left if left > timedelta(0) else None)
            if workflow.now() >= deadline and workflow.all_handlers_finished() and not unsettled():
                return

    async def await_receipt(self, act_id: str, seq: int | None) -> CommandReceipt:
        """The answer to a person's act, once the journal has it."""
        await workflow.wait_condition(lambda: all(entry.facts.get("act") != act_id for entry in self.case.journal.pending))
        return CommandReceipt(act_id=act_id, seq=seq, repeated=seq is None)

    async def _write_journal(self) -> None:
        while self.case.journal.pending:
            entries, view = list(self.case.journal.pending), self._build_view(workflow.info().first_execution_run_id)
            record = CaseWrite(
                now=self.now.business, entries=entries, case=view, carried=CarriedState(**self.case.build_earlier_run().model_dump())
            )
            answer = await workflow.execute_local_activity_method(CaseRecordingActivities.record, record, **RECORD_OPTIONS)
            if answer.carried:
                self.case.continue_from(answer.carried)
                continue
            self.case.journal.mark_written(entries[-1].seq, answer.head)
            self._search_attributes.update_attributes(view)

    async def forward_decision(self, decision: DecideApproval, number: int | None) -> None:
        """A decision that came to the case reaches its approval that waits for it; without one, its refusal is journalled."""
        if number is None or not await signal_case(
            ids.approval_case_id(self.case.journal.case_id, number), SignalName.DECIDED, mark_temporal_channel(decision)
        ):
            record_rejection(self.case, decision, NO_PENDING_APPROVAL, self.now)


def mark_temporal_channel(decision: DecideApproval) -> DecideApproval:
    """What did not come to the approval itself was written to Temporal directly, whatever it says of itself."""
    return decision.model_copy(update={"channel": DecisionChannel.TEMPORAL})


def reject_command(reason: str | None) -> None:
    """Raises ApplicationError with the reason in words, if there is one."""
    if reason:
        raise ApplicationError(reason, type=COMMAND_REJECTED, non_retryable=True)
