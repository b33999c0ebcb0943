"""The collection of one invoice: it reminds, calls, escalates, asks for suspension and waits, until the invoice is settled."""

from datetime import date

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.commands import DecideApproval
    from domain.billing.billing_events import BillingEvent
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import CommandReceipt
    from domain.case.effects import HastenTimeline, MarkDisputed, NotifyInvoice, NotifyPerson, NotifyRole
    from domain.case.late_notice import LateNotice
    from domain.clock import Clock, Moment
    from domain.correspondence.letter_outcome import LetterOutcome
    from domain.dispute.commands import RaiseDispute, ResolveDispute
    from domain.invoice.billing_event_rules import apply_billing_event
    from domain.invoice.calls import note_overdue_call
    from domain.invoice.command_rules import RULES
    from domain.invoice.commands import (
        AddNote,
        AnswerEscalation,
        EscalateInvoice,
        LogCall,
        MakePromise,
        PauseCollection,
        ResendLetter,
        ResumeCollection,
        SkipLetter,
    )
    from domain.invoice.contact_orders import build_contact_order
    from domain.invoice.disputes import apply_dispute_update, follow_dispute_flag, has_dispute_flag_changed
    from domain.invoice.escalation_rules import record_escalation_notified
    from domain.invoice.invoice_case import InvoiceCase
    from domain.invoice.linked_cases import hasten_timeline, record_case_event, request_suspension_for_step
    from domain.invoice.shared_promise import needs_promise_money
    from domain.invoice.view import build_case_view, waiting_for
    from domain.invoice.workflow_input import InvoiceCollectionInput, InvoiceCollectionOutcome
    from domain.journal.journal import Journal
    from domain.policy.adoption import PolicyMove
    from domain.policy.collection_policy import PolicySnapshot, Step
    from domain.timeline.holds import Hold, HoldKind

from workflows.case_runtime.case_session import CaseSession
from workflows.case_runtime.child_disputes import ChildDisputes
from workflows.case_runtime.effect_dispatcher import EffectResultHandlers
from workflows.case_runtime.invoice_recording import InvoiceWriteHandlers, check_last_letter, must_letter_arrive
from workflows.case_runtime.linked_cases import LinkedCases
from workflows.case_runtime.search_attributes import set_collector_attribute

FLAG_IS_A_DISPUTE = "flag-is-a-dispute"
"""Patch: an invoice that a file calls disputed has a dispute of its own. A run of before is only held, as its history has it."""

MAPS_TAKEN_STEPS = "maps-taken-steps"
"""An invoice that adopts another segment's policy goes on from where its steps stand on that timeline (docs/decisions/0027); one whose run
heard of it before there was this kept the days of the old timeline. To be deprecated once no run from before is left."""


@workflow.defn
class InvoiceCollection:
    """One overdue invoice, from before its due date until it is paid, credited, cancelled or written off."""

    @workflow.init
    def __init__(self, workflow_input: InvoiceCollectionInput) -> None:
        self.case = workflow_input.case or self._create_case(workflow_input)
        self.session = CaseSession(
            self.case,
            workflow_input,
            self._build_view,
            RULES,
            EffectResultHandlers(notified=self._record_notified),
            InvoiceWriteHandlers(self.case, self),
        )
        self.child_disputes = ChildDisputes(self.case)
        self.linked_cases = LinkedCases(self.case)
        if workflow_input.case is None:
            self.case.open(self.now)
            for hold in workflow_input.holds:
                self.linked_cases.place_hold(hold, self.now)

    @workflow.run
    async def run(self, workflow_input: InvoiceCollectionInput) -> InvoiceCollectionOutcome:
        await self.settle()
        while not self.is_over():
            step = self.find_due_step()
            if step:
                await self.take_step(step)
            else:
                await self.wait_for_event()
            if needs_promise_money(self.case, self.now.business):
                await self.session.record()
            self.case.run_due_actions(self.now)
            note_overdue_call(self.case, self.now)
            await self.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.session.has_background_work:
                await self.continue_as_new(workflow_input)
        return await self.close_case(workflow_input)

    # --- the life of a case

    def _create_case(self, workflow_input: InvoiceCollectionInput) -> InvoiceCase:
        journal = Journal(
            case_id=ids.invoice_case_id(workflow_input.invoice_id),
            account_id=workflow_input.account_id,
            invoice_id=workflow_input.invoice_id,
        )
        return InvoiceCase(journal=journal, facts=workflow_input.facts, snapshot=workflow_input.policy)

    def _build_view(self, run_id: str) -> CaseView:
        return build_case_view(self.case, run_id, self.now.business)

    def _record_notified(self, notice: NotifyRole | NotifyPerson, names: list[str]) -> None:
        record_escalation_notified(self.case, notice, names, self.now)

    @property
    def now(self) -> Moment:
        return self.session.now

    def is_over(self) -> bool:
        """Settled, and so are its disputes: they end of themselves, and its history tells how."""
        return self.case.is_settled and not self.child_disputes.has_open and not self.session.has_background_work

    def find_due_step(self) -> Step | None:
        now = self.now.business
        due = None if self.case.is_settled else self.case.step_due_at(now)
        return self.case.next_step(now.date()) if due and due <= now else None

    async def wait_for_event(self) -> None:
        """Wait until the next due time or the next message; it may return early."""
        wakes_at = None if self.case.is_settled else self.case.wakes_at(self.now.business)
        await self.session.wait_until(wakes_at, self.is_over)

    async def take_step(self, step: Step) -> None:
        """Carry out a step; but first hear what became of the letter before it, for that can put the step off."""
        if self.case.is_last_letter_unresolved:
            await check_last_letter(self.session)
            return
        self.case.take_step(step, self.now)
        request_suspension_for_step(self.case, step)
        await self.session.write_journal(build_contact_order(self.case, step, self.now, self.session.clock))

    async def settle(self) -> None:
        """Write the case's new entries, and update its disputes and the cases of its account."""
        withdrawal = self.follow_dispute_flag()
        await self.session.write_journal()
        await self.child_disputes.update_disputes(self.session.clock)
        if withdrawal:
            await self.child_disputes.forward_resolution(withdrawal, self.now)
        while self.case.outbox:
            await self.session.execute_effects()
        await self.linked_cases.update_followers()

    def follow_dispute_flag(self) -> ResolveDispute | None:
        """What a file says of a dispute becomes one, or ends the one that it became."""
        if has_dispute_flag_changed(self.case) and workflow.patched(FLAG_IS_A_DISPUTE):
            return follow_dispute_flag(self.case, self.now)
        return None

    async def finish(self) -> None:
        """Leave nothing undone: every act is answered, everything noted is written down, all who follow the invoice know."""

        def unsettled() -> bool:
            return bool(self.case.journal.pending or self.case.to_open or self.case.outbox or self.linked_cases.outdated_followers)

        while unsettled() or not workflow.all_handlers_finished():
            await self.settle()
            await workflow.wait_condition(lambda: unsettled() or workflow.all_handlers_finished())

    async def close_case(self, workflow_input: InvoiceCollectionInput) -> InvoiceCollectionOutcome:
        """Write the last entry. An invoice that is reopened in this very moment goes on."""
        self.case.close(self.now)
        await self.finish()
        if not self.case.is_settled:
            await self.continue_as_new(workflow_input)
        return InvoiceCollectionOutcome(status=self.case.facts.status, closed_at=self.now.business)

    async def continue_as_new(self, workflow_input: InvoiceCollectionInput) -> None:
        """Go on in a new run, with the same state and a short history."""
        await self.finish()
        workflow.continue_as_new(workflow_input.for_next_run(self.session.clock, facts=self.case.facts, case=self.case))

    # --- what machines report

    @workflow.signal
    def billing_event(self, event: BillingEvent) -> None:
        apply_billing_event(self.case, event, self.now)

    @workflow.signal
    def letter_news(self, outcome: LetterOutcome) -> None:
        self.case.apply_letter_outcome(outcome, self.now, must_letter_arrive(outcome))

    @workflow.signal
    def hold_placed(self, hold: Hold) -> None:
        self.linked_cases.place_hold(hold, self.now)

    @workflow.signal
    def hold_lifted(self, hold_id: str) -> None:
        self.case.lift_hold(hold_id, self.now)

    @workflow.signal
    def disputed(self, update: MarkDisputed) -> None:
        apply_dispute_update(self.case, update, self.now)

    @workflow.signal
    def told(self, event: NotifyInvoice) -> None:
        record_case_event(self.case, event, self.now)

    @workflow.signal
    def notice_told(self, late: LateNotice) -> None:
        self._record_notified(late.notice, late.told)

    @workflow.signal
    def resume_harsher(self, effect: HastenTimeline) -> None:
        hasten_timeline(self.case, effect, self.now)

    @workflow.signal
    def adopt_policy(self, policy: PolicySnapshot) -> None:
        self.case.adopt_policy(policy, self.now, maps_steps=workflow.patched(MAPS_TAKEN_STEPS))

    @workflow.signal
    def move_to_version(self, move: PolicyMove) -> None:
        self.case.move_to_version(move.policy, self.now, move.adoption)

    @workflow.signal
    def collector_is(self, name: str) -> None:
        set_collector_attribute(name)

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        self.session.set_clock(clock)

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def make_promise(self, command: MakePromise) -> CommandReceipt:
        return await self.session.apply_command(command)

    @make_promise.validator
    def _check_promise(self, command: MakePromise) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def promise_made(self, command: MakePromise) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def log_call(self, command: LogCall) -> CommandReceipt:
        return await self.session.apply_command(command)

    @workflow.signal
    def call_logged(self, command: LogCall) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def pause(self, command: PauseCollection) -> CommandReceipt:
        return await self.session.apply_command(command)

    @pause.validator
    def _check_pause(self, command: PauseCollection) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def paused(self, command: PauseCollection) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def resume(self, command: ResumeCollection) -> CommandReceipt:
        return await self.session.apply_command(command)

    @resume.validator
    def _check_resume(self, command: ResumeCollection) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def resumed(self, command: ResumeCollection) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def add_note(self, command: AddNote) -> CommandReceipt:
        return await self.session.apply_command(command)

    @workflow.signal
    def note_added(self, command: AddNote) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def raise_dispute(self, command: RaiseDispute) -> CommandReceipt:
        return await self.session.apply_command(command)

    @raise_dispute.validator
    def _check_dispute(self, command: RaiseDispute) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def dispute_raised(self, command: RaiseDispute) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def escalate(self, command: EscalateInvoice) -> CommandReceipt:
        return await self.session.apply_command(command)

    @escalate.validator
    def _check_escalation(self, command: EscalateInvoice) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def escalated(self, command: EscalateInvoice) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def answer_escalation(self, command: AnswerEscalation) -> CommandReceipt:
        return await self.session.apply_command(command)

    @answer_escalation.validator
    def _check_answer(self, command: AnswerEscalation) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def escalation_answered(self, command: AnswerEscalation) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def skip_letter(self, command: SkipLetter) -> CommandReceipt:
        return await self.session.apply_command(command)

    @skip_letter.validator
    def _check_skip(self, command: SkipLetter) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def letter_skipped(self, command: SkipLetter) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def resend_letter(self, command: ResendLetter) -> CommandReceipt:
        return await self.session.apply_command(command)

    @resend_letter.validator
    def _check_resend(self, command: ResendLetter) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def letter_wanted_again(self, command: ResendLetter) -> None:
        self.session.apply_signalled_command(command)

    # --- for whoever knows the invoice, and not the case that waits

    @workflow.signal
    async def resolve_dispute(self, command: ResolveDispute) -> None:
        await self.child_disputes.forward_resolution(command, self.now)

    @workflow.signal
    async def decide_payment_plan(self, decision: DecideApproval) -> None:
        await self.linked_cases.forward_decision(decision, HoldKind.PAYMENT_PLAN, self.now)

    @workflow.signal
    async def sign_off_suspension(self, decision: DecideApproval) -> None:
        await self.linked_cases.forward_decision(decision, HoldKind.SUSPENSION, self.now)

    # --- what managers ask

    @workflow.query
    def snapshot(self) -> CaseView:
        return self.session.build_view()

    @workflow.query
    def promise_rejection(self, command: MakePromise, today: date | None = None) -> str | None:
        return self.session.find_rejection_reason(command, today)

    @workflow.query
    def dispute_rejection(self, command: RaiseDispute, today: date | None = None) -> str | None:
        return self.session.find_rejection_reason(command, today)

    @workflow.query
    def waiting_for(self) -> str:
        return waiting_for(self.case, self.now.business)

    @workflow.query
    def next_step(self) -> NextStep:
        now = self.now.business
        step = self.case.next_step(now.date())
        return NextStep(step=step.step if step else None, due_at=self.case.step_due_at(now), waiting_for=waiting_for(self.case, now))
