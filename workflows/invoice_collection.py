"""The collection of one invoice: it reminds, calls, escalates, asks for suspension and waits, until the invoice is settled."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.commands import Decision
    from domain.billing.billing_events import BillingEvent
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import Act, Receipt
    from domain.case.effects import MarkDisputed, ResumeHarsher, TellInvoice
    from domain.clock import Clock, Moment
    from domain.correspondence.letter_outcome import LetterNews
    from domain.dispute.commands import RaiseDispute, ResolveDispute
    from domain.invoice.command_rules import carry_out, refusal
    from domain.invoice.commands import AddNote, AnswerEscalation, Escalate, LogCall, MakePromise, Pause, Resume
    from domain.invoice.disputes import hear_of_dispute
    from domain.invoice.invoice_case import InvoiceCase
    from domain.invoice.linked_cases import ask_as_the_step_says, hasten, hear_what_was_done
    from domain.invoice.view import waiting_for
    from domain.invoice.workflow_input import Opening, Outcome
    from domain.journal.entry_kinds import EntryKind
    from domain.journal.journal import Journal
    from domain.policy.collection_policy import PolicySnapshot, Step
    from domain.timeline.holds import Hold, HoldKind

from workflows.case_runtime.case_session import refuse
from workflows.case_runtime.child_disputes import RaisedDisputes
from workflows.case_runtime.invoice_session import InvoiceDesk
from workflows.case_runtime.linked_cases import AccountTies
from workflows.case_runtime.search_attributes import show_collector
from workflows.case_runtime.wake_timer import Alarm


@workflow.defn
class InvoiceCollection:
    """One overdue invoice, from before its due date until it is paid, credited, cancelled or written off."""

    @workflow.init
    def __init__(self, opening: Opening) -> None:
        self.case = opening.case or self._new_case(opening)
        self.desk = InvoiceDesk(self.case, opening.clock)
        self.disputes = RaisedDisputes(self.case)
        self.ties = AccountTies(self.case, self.desk)
        self.alarm = Alarm()
        if opening.case is None:
            self.case.open(self.now)
            for hold in opening.holds:
                self.ties.be_held(hold, self.now)

    @workflow.run
    async def run(self, opening: Opening) -> Outcome:
        await self.settle()
        while not self.over:
            step = self.step_due_now()
            if step:
                await self.take(step)
            else:
                await self.wait_for_news()
            self.case.let_time_pass(self.now)
            await self.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.ties.notifying:
                await self.hand_on(opening)
        return await self.close(opening)

    # --- the life of a case

    def _new_case(self, opening: Opening) -> InvoiceCase:
        journal = Journal(case_id=ids.invoice_case(opening.invoice_id), account_id=opening.account_id, invoice_id=opening.invoice_id)
        return InvoiceCase(journal=journal, facts=opening.facts, snapshot=opening.policy)

    @property
    def now(self) -> Moment:
        return self.desk.now

    @property
    def over(self) -> bool:
        """Settled, and so are its disputes: they end of themselves, and its history tells how."""
        return self.case.settled and not self.disputes.any_open and not self.ties.notifying

    def step_due_now(self) -> Step | None:
        now = self.now.business
        due = None if self.case.settled else self.case.step_due_at(now)
        return self.case.next_step(now.date()) if due and due <= now else None

    async def wait_for_news(self) -> None:
        """Until something happens by itself, or somebody reports something; now and then for nothing."""
        wakes_at = None if self.case.settled else self.case.wakes_at(self.now.business)
        await self.alarm.wait(wakes_at, self.desk.clock, lambda: bool(self.case.journal.pending) or self.over)

    async def take(self, step: Step) -> None:
        """Carry out a step; but first hear what became of the letter before it, for that can put the step off."""
        if self.case.last_letter_unheard:
            await self.desk.hear_of_last_letter()
            return
        self.case.take(step, self.now)
        ask_as_the_step_says(self.case, step)
        await self.desk.write_down(ask=self.desk.ask_for(step))

    async def settle(self) -> None:
        """What the case noted is written down; its disputes, and the cases of its account, know of it."""
        await self.desk.write_down()
        await self.disputes.keep(self.desk.clock)
        await self.ties.keep()

    async def finish(self) -> None:
        """Leave nothing undone: every act is answered, everything noted is written down, all who follow the invoice know."""

        def unsettled() -> bool:
            return bool(self.case.journal.pending or self.case.to_open or self.case.outbox or self.ties.untold)

        while unsettled() or not workflow.all_handlers_finished():
            await self.settle()
            await workflow.wait_condition(lambda: unsettled() or workflow.all_handlers_finished())

    async def close(self, opening: Opening) -> Outcome:
        """Write the last entry. An invoice that is reopened in this very moment goes on."""
        self.case.close(self.now)
        await self.finish()
        if not self.case.settled:
            await self.hand_on(opening)
        return Outcome(status=self.case.facts.status, closed_at=self.now.business)

    async def hand_on(self, opening: Opening) -> None:
        """Go on in a new run, with the same state and a short history."""
        await self.finish()
        workflow.continue_as_new(opening.model_copy(update={"clock": self.desk.clock, "facts": self.case.facts, "case": self.case}))

    # --- what machines report

    @workflow.signal
    def billing_event(self, event: BillingEvent) -> None:
        self.case.hear(event, self.now)

    @workflow.signal
    def letter_news(self, news: LetterNews) -> None:
        self.case.hear_of_letter(news, self.now)

    @workflow.signal
    def hold_placed(self, hold: Hold) -> None:
        self.ties.be_held(hold, self.now)

    @workflow.signal
    def hold_lifted(self, hold_id: str) -> None:
        self.case.lift_hold(hold_id, self.now)

    @workflow.signal
    def disputed(self, news: MarkDisputed) -> None:
        hear_of_dispute(self.case, news, self.now)

    @workflow.signal
    def told(self, news: TellInvoice) -> None:
        hear_what_was_done(self.case, news, self.now)

    @workflow.signal
    def resume_harsher(self, news: ResumeHarsher) -> None:
        hasten(self.case, news, self.now)

    @workflow.signal
    def adopt_policy(self, policy: PolicySnapshot) -> None:
        self.case.adopt(policy, self.now)

    @workflow.signal
    def collector_is(self, name: str) -> None:
        show_collector(name)

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        """A clock that is played fast stood still while Duecourse was down."""
        self.desk.clock = clock
        self.case.note(EntryKind.CLOCK_SET, self.now, day_seconds=str(clock.day_seconds))

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def make_promise(self, act: MakePromise) -> Receipt:
        return await self.desk.do(act)

    @make_promise.validator
    def _check_promise(self, act: MakePromise) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def promise_made(self, act: MakePromise) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def log_call(self, act: LogCall) -> Receipt:
        return await self.desk.do(act)

    @workflow.signal
    def call_logged(self, act: LogCall) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def pause(self, act: Pause) -> Receipt:
        return await self.desk.do(act)

    @pause.validator
    def _check_pause(self, act: Pause) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def paused(self, act: Pause) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def resume(self, act: Resume) -> Receipt:
        return await self.desk.do(act)

    @resume.validator
    def _check_resume(self, act: Resume) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def resumed(self, act: Resume) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def add_note(self, act: AddNote) -> Receipt:
        return await self.desk.do(act)

    @workflow.signal
    def note_added(self, act: AddNote) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def raise_dispute(self, act: RaiseDispute) -> Receipt:
        return await self.desk.do(act)

    @raise_dispute.validator
    def _check_dispute(self, act: RaiseDispute) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def dispute_raised(self, act: RaiseDispute) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def escalate(self, act: Escalate) -> Receipt:
        return await self.desk.do(act)

    @escalate.validator
    def _check_escalation(self, act: Escalate) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def escalated(self, act: Escalate) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def answer_escalation(self, act: AnswerEscalation) -> Receipt:
        return await self.desk.do(act)

    @answer_escalation.validator
    def _check_answer(self, act: AnswerEscalation) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def escalation_answered(self, act: AnswerEscalation) -> None:
        carry_out(self.case, act, self.now)

    def _refuse_what_is_ruled_out(self, act: Act) -> None:
        refuse(refusal(self.case, act, self.now.business.date()))

    # --- for whoever knows the invoice, and not the case that waits

    @workflow.signal
    async def resolve_dispute(self, act: ResolveDispute) -> None:
        await self.disputes.hand_on(act, self.now)

    @workflow.signal
    async def decide_payment_plan(self, act: Decision) -> None:
        await self.ties.hand_on(act, HoldKind.PAYMENT_PLAN, self.now)

    @workflow.signal
    async def sign_off_suspension(self, act: Decision) -> None:
        await self.ties.hand_on(act, HoldKind.SUSPENSION, self.now)

    # --- what managers ask

    @workflow.query
    def snapshot(self) -> CaseView:
        return self.desk.view()

    @workflow.query
    def waiting_for(self) -> str:
        return waiting_for(self.case, self.now.business)

    @workflow.query
    def next_step(self) -> NextStep:
        now = self.now.business
        step = self.case.next_step(now.date())
        return NextStep(step=step.step if step else None, due_at=self.case.step_due_at(now), waiting_for=waiting_for(self.case, now))
