"""The session of a case's workflow: it writes the journal, has the effects executed, waits, and answers people's commands."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Generic, Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.case_recording import CaseRecordingActivities
    from domain import identifiers as ids
    from domain.approval.commands import DecideApproval, DecisionChannel
    from domain.case.account_case import AccountCase
    from domain.case.case_view import CaseView
    from domain.case.command import COMMAND_REJECTED, Command, CommandReceipt
    from domain.case.command_handling import CommandRules, record_rejection
    from domain.case.effects import Effect
    from domain.case.handler_names import SignalName
    from domain.case.shared_field_names import share_field_names
    from domain.case.workflow_input import CaseInput, dump_next_run
    from domain.case_write import CaseWrite, CaseWriteResult
    from domain.clock import Clock, Moment
    from domain.correspondence.contact_request import ContactOrder
    from domain.invoice.carried_state import CarriedState
    from domain.journal.entry_kinds import EntryKind
    from domain.journal.journal import SYSTEM
    from domain.refusal import Refusal

from workflows.case_runtime.activity_options import RECORD_OPTIONS
from workflows.case_runtime.effect_dispatcher import EffectDispatcher, EffectResultHandlers, signal_case
from workflows.case_runtime.search_attributes import SearchAttributeUpdater
from workflows.case_runtime.task_separator import TaskSeparator
from workflows.case_runtime.wake_timer import WakeTimer

MAX_WAIT = timedelta(minutes=1)
"""How long, in real time, a case that is over, or goes on in a new run, waits for its notices: people's lists tell the same."""

NO_PENDING_APPROVAL = Refusal("approval.none", "nothing of this case waits for a decision")

Case = TypeVar("Case", bound=AccountCase)


def build_rejection_error(reason: Refusal) -> ApplicationError:
    """Its message is the reason in words, its detail what they say, so that it can be told in any language."""
    return ApplicationError(str(reason), reason.told, type=COMMAND_REJECTED, non_retryable=True)


class WriteHandlers(Protocol):
    """What a kind of case writes besides its entries, and what it makes of the result: an invoice's letters and tasks."""

    def extend_write(self, write: CaseWrite) -> CaseWrite:
        """Complete a write."""

    def apply_result(self, write: CaseWrite, answer: CaseWriteResult) -> None:
        """Take in what the database answered."""

    def resume(self, carried: CarriedState) -> None:
        """Continue an earlier run's chain."""


def _hears_of_nothing_else() -> bool:
    return False


class CaseSession(Generic[Case]):
    """The session of one case. The case decides; its workflow says when to ask it; here it is written down and carried out.

    `start` is what its workflow was started with. `build_view` shows the case under its run's id; `rules` are those of its commands,
    None for a case that takes none by rules.
    """

    def __init__(
        self,
        case: Case,
        start: CaseInput,
        build_view: Callable[[str], CaseView],
        rules: CommandRules[Case] | None = None,
        on_result: EffectResultHandlers | None = None,
        on_write: WriteHandlers | None = None,
    ) -> None:
        self.case, self.clock = case, start.clock
        self._start, self._recovery = start, start.recovery
        self._effects_under_way: list[Effect] = []
        self.case.binds_facts = start.binds_facts
        self._build_view, self._rules, self._on_write = build_view, rules, on_write
        self._dispatcher = EffectDispatcher(case, self, on_result or EffectResultHandlers())
        self._search_attributes, self._wake_timer = SearchAttributeUpdater(), WakeTimer()
        self._separator, self._has_event = TaskSeparator(start.separates_tasks), _hears_of_nothing_else
        share_field_names(start)
        share_field_names(case)

    @property
    def now(self) -> Moment:
        """The time of the present workflow task, which a replay gives again: see TaskSeparator."""
        if not workflow.unsafe.is_read_only():
            self._separator.renew()
        real = workflow.now()
        return Moment(self.clock.to_business(real), real)

    def set_clock(self, clock: Clock) -> None:
        """Go on by another clock, and journal it: a simulated clock stands still while Duecourse is down."""
        self.clock = clock
        pausing = {"paused": "yes"} if clock.paused else {}
        self.case.write_entry(EntryKind.CLOCK_SET, self.now, clock.set_by or SYSTEM, day_seconds=str(clock.day_seconds), **pausing)

    def build_view(self) -> CaseView:
        """Build the view under the first run's id: one for all runs that were continued as new, another for a case that was reopened."""
        return self._build_view(workflow.info().first_execution_run_id)

    # --- people's commands

    async def apply_command(self, command: Command) -> CommandReceipt:
        """Apply a person's command once; the receipt is given when the journal has it."""
        return await self.await_receipt(command.act_id, self._require_rules().apply_command(self.case, command, self.now))

    def apply_signalled_command(self, command: Command) -> None:
        """Apply once a command that came as a signal: nobody waits for its receipt."""
        self._require_rules().apply_command(self.case, command, self.now)

    def is_known(self, command: Command) -> bool:
        """Return whether the command was applied, or rejected, before."""
        return self.case.has_seen(command.act_id)

    def reject_signalled_command(self, command: Command, reason: str) -> None:
        """Journal, once, that a command which came as a signal is rejected."""
        if self.case.mark_seen(command.act_id):
            record_rejection(self.case, command, reason, self.now)

    def record_refused_signal(self, name: str, reason: str) -> None:
        """Journal that a signal was malformed, or cannot be applied, and changed nothing. `reason` repeats nothing that was sent."""
        self.case.write_entry(EntryKind.SIGNAL_REFUSED, self.now, what=name, reason=reason)

    def find_rejection_reason(self, command: Command, today: date | None = None) -> Refusal | None:
        """Find why the case's state rules the command out, in words; None when it does not.

        `today` is the business date. A query must be told it: there, `now` is the time of the case's last task, which may be weeks ago.
        """
        return self._require_rules().rejection_reason(self.case, command, today or self.now.business.date())

    def validate_command(self, command: Command) -> None:
        """Raise ApplicationError, with the reason in words and their facts, if the case's state rules the command out."""
        reason = self.find_rejection_reason(command)
        if reason:
            raise build_rejection_error(reason)

    def _require_rules(self) -> CommandRules[Case]:
        if self._rules is None:
            raise TypeError(f"{self.case.journal.case_id} takes no commands by rules")
        return self._rules

    async def await_receipt(self, act_id: str, seq: int | None) -> CommandReceipt:
        """Return the answer to a person's command, once the journal has it."""
        await workflow.wait_condition(lambda: all(entry.facts.get("act") != act_id for entry in self.case.journal.pending))
        return CommandReceipt(act_id=act_id, seq=seq, repeated=seq is None)

    async def forward_decision(self, decision: DecideApproval, number: int | None) -> None:
        """Forward a decision to the case's open approval; without one, journal the rejection."""
        if number is None or not await signal_case(
            ids.approval_case_id(self.case.journal.case_id, number), SignalName.DECIDED, mark_temporal_channel(decision)
        ):
            record_rejection(self.case, decision, NO_PENDING_APPROVAL, self.now)

    # --- writing down, carrying out, waiting

    async def settle(self) -> None:
        """Write all new entries to the journal and execute all effects, in order."""
        self.take_up_lost_run()
        while self.case.journal.pending or self.case.outbox:
            await self.write_journal()
            await self.execute_effects()

    async def execute_effects(self) -> None:
        """Carry out, in order, what the case has asked for up to now."""
        effects = self.case.take_effects()
        self._effects_under_way += effects
        for effect in effects:
            await self._dispatcher.execute_effect(effect)
            self._effects_under_way.remove(effect)

    async def write_journal(self, contact_order: ContactOrder | None = None) -> None:
        """Bring every pending entry, and what a step asks for, into the database."""
        self.take_up_lost_run()
        while self.case.journal.pending or contact_order:
            answer = await self.record(contact_order=contact_order)
            contact_order = contact_order if answer.carried else None

    async def record(self, contact_order: ContactOrder | None = None, await_letter: bool = False) -> CaseWriteResult:
        """Write once, and take in what the database answers: an earlier run's chain to follow, or what became of the write."""
        view = self.build_view()
        write = CaseWrite(
            now=self.now.business,
            entries=list(self.case.journal.pending),
            case=view,
            carried=_build_carried_state(self.case),
            ask=contact_order,
            await_letter=await_letter,
            next_run=dump_next_run(self._start, self.clock, self.case, self._effects_under_way),
        )
        write = self._on_write.extend_write(write) if self._on_write else write
        with self._separator.hold():
            answer = await workflow.execute_local_activity_method(CaseRecordingActivities.record, write, **RECORD_OPTIONS)
        if answer.carried:
            (self._on_write.resume if self._on_write else self.case.continue_from)(answer.carried)
            return answer
        if write.entries:
            self.case.journal.mark_written(write.entries[-1].seq, answer.head)
        if self._on_write:
            self._on_write.apply_result(write, answer)
        self._search_attributes.update_attributes(view)
        share_field_names(self.case)
        return answer

    def take_up_lost_run(self) -> None:
        """Go on where a run was lost, once: take in what its last write was answered, and journal that the case was begun again."""
        recovery, self._recovery = self._recovery, None
        if recovery is None:
            return
        if recovery.answer is not None and self._on_write:
            answer = CaseWriteResult.model_validate(recovery.answer)
            carried = _build_carried_state(self.case)
            write = CaseWrite(now=self.now.business, entries=[], case=self.build_view(), carried=carried, ask=recovery.ask)
            self._on_write.apply_result(self._on_write.extend_write(write), answer)
        dropped, messages = ", ".join(recovery.dropped) or None, len(recovery.dropped) or None
        self.case.write_entry(
            EntryKind.CASE_RECOVERED, self.now, recovery.actor, reason=recovery.reason, messages=messages, dropped=dropped
        )

    async def wait_for_first_request(self, has_request: Callable[[], bool]) -> None:
        """What a case is begun for comes with its beginning, or just after it; unless it was done before, and is refused now."""
        if not has_request():
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(has_request, timeout=MAX_WAIT)

    async def wait_until(self, wakes_at: datetime | None, has_event: Callable[[], bool] = _hears_of_nothing_else) -> None:
        """Wait until a business time or the next message; it may return early.

        A case spends nearly all its life here, and a worker holds thousands: nothing is made for the wait alone.
        """
        self._has_event = has_event
        self._wake_timer.set(wakes_at, self.clock)
        if not self._wake_timer.has_rung:
            await workflow.wait_condition(self._is_woken)

    def _is_woken(self) -> bool:
        return self._wake_timer.has_rung or bool(self.case.journal.pending or self.case.outbox) or self._has_event()

    # --- the end of a run

    @property
    def has_background_work(self) -> bool:
        """Return whether a notice is being sent whose recipients are still to be journalled."""
        return self._dispatcher.has_pending_work(include_approvals=False)

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

    async def continue_as_new(self, workflow_input: CaseInput) -> None:
        """Go on in a new run, with the same state and a short history. `workflow_input` has the field `case`."""
        await self.finish(for_good=False)
        workflow.continue_as_new(workflow_input.for_next_run(self.clock, case=self.case))


def _build_carried_state(case: AccountCase) -> CarriedState:
    earlier = case.build_earlier_run()
    return earlier if isinstance(earlier, CarriedState) else CarriedState(**earlier.model_dump())


def mark_temporal_channel(decision: DecideApproval) -> DecideApproval:
    """Mark a decision that was not sent to the approval itself as sent through Temporal, whatever channel it states."""
    return decision.model_copy(update={"channel": DecisionChannel.TEMPORAL})
