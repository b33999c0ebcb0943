"""The collection of one invoice: it reminds, calls, escalates and waits, until the invoice is settled."""

import asyncio
from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.recording import Recording
    from domain import ids
    from domain.acts import ACT_REFUSED, Act, AddNote, LogCall, MakePromise, Pause, Receipt, Resume
    from domain.clock import Clock
    from domain.collection import NextStep, Opening, Outcome
    from domain.holds import Hold
    from domain.invoice_acts import carry_out, refusal
    from domain.invoice_case import InvoiceCase, Moment
    from domain.invoices import BillingEvent
    from domain.journal import EntryKind, Journal
    from domain.policy import Step
    from domain.record import Ask, CaseView, DropReason, LetterNews, Record, Recorded

from workflows.options import RECORD


@workflow.defn
class InvoiceCollection:
    """One overdue invoice, from before its due date until it is paid, credited or cancelled."""

    @workflow.init
    def __init__(self, opening: Opening) -> None:
        self.clock = opening.clock
        self.case = opening.case or self._new_case(opening)

    @workflow.run
    async def run(self, opening: Opening) -> Outcome:
        await self.write_down()
        while not self.case.settled:
            step = self.step_due_now()
            if step:
                await self.take(step)
            else:
                await self.wait_for_news()
            self.case.let_time_pass(self.now)
            await self.write_down()
            if workflow.info().is_continue_as_new_suggested():
                await self.hand_on(opening)
        return await self.close(opening)

    # --- the life of a case

    def _new_case(self, opening: Opening) -> InvoiceCase:
        journal = Journal(case_id=ids.invoice_case(opening.invoice_id), account_id=opening.account_id, invoice_id=opening.invoice_id)
        case = InvoiceCase(journal=journal, facts=opening.facts, snapshot=opening.policy)
        case.open(self.now)
        return case

    @property
    def now(self) -> Moment:
        real = workflow.now()
        return Moment(self.clock.business(real), real)

    def step_due_now(self) -> Step | None:
        now = self.now.business
        due = self.case.step_due_at(now)
        return self.case.next_step(now.date()) if due and due <= now else None

    async def wait_for_news(self) -> None:
        """Until something happens by itself, or somebody reports something."""
        wakes_at = self.case.wakes_at(self.now.business)
        timeout = self.clock.real_wait(wakes_at, workflow.now()) if wakes_at else None
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(lambda: bool(self.case.journal.pending), timeout=timeout)

    async def take(self, step: Step) -> None:
        """Carry out a step; but first hear what became of the letter before it, for that can put the step off."""
        if self.case.last_letter_unheard:
            await self.hear_of_last_letter()
            return
        self.case.take(step, self.now)
        await self.write_down(ask=self._ask(step))

    async def hear_of_last_letter(self) -> None:
        """It went, or it is still under way: then its end is signalled."""
        answer = await self.record(await_letter=True)
        self.case.letter_awaited = answer.under_way and self.case.last_letter_unheard
        if self.case.last_letter_unheard and not answer.under_way:
            self.case.lose_letter(self.now)

    def _ask(self, step: Step) -> Ask:
        policy, due = self.case.policy, self.case.facts.due_date
        return Ask(
            step=step.step, rank=step.day, act=step.act, letter=step.letter, escalate_to=step.escalate_to, contact=policy.contact,
            not_before=self.now.business.date(), not_after=due if step.before_due else None, hours_matter=self.clock.hours_matter,
            catch_up_days=policy.catch_up_days, minimum=policy.minimum(self.case.facts.currency),
        )  # fmt: skip

    async def close(self, opening: Opening) -> Outcome:
        """Write the last entry. An invoice that is reopened in this very moment goes on."""
        self.case.close(self.now)
        await self.write_down()
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self.write_down()
        if not self.case.settled:
            await self.hand_on(opening)
        return Outcome(status=self.case.facts.status, closed_at=self.now.business)

    async def hand_on(self, opening: Opening) -> None:
        """Go on in a new run, with the same state and a short history."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self.write_down()
        workflow.continue_as_new(opening.model_copy(update={"clock": self.clock, "facts": self.case.facts, "case": self.case}))

    # --- the record

    async def write_down(self, ask: Ask | None = None) -> None:
        """Bring every pending entry, and what a step asks for, into the database."""
        while self.case.journal.pending or ask:
            answer = await self.record(ask=ask)
            ask = ask if answer.carried else None

    async def record(self, ask: Ask | None = None, await_letter: bool = False) -> Recorded:
        """Write once, and take in what the database answers."""
        case, entries = self.case, list(self.case.journal.pending)
        answer = await workflow.execute_local_activity_method(
            Recording.record,
            Record(
                now=self.now.business, entries=entries, case=case.view(self._first_run, self.now.business), carried=case.carried(),
                ask=ask, await_letter=await_letter, withdraw=self._letter_to_withdraw(), heard=case.heard,
            ),
            **RECORD,
        )  # fmt: skip
        if answer.carried:
            case.take_up(answer.carried, self.now)
            return answer
        if entries:
            case.journal.written(entries[-1].seq)
        for step in answer.withdrawn:
            case.withdrawn(step, self._letter_to_withdraw() or DropReason.ON_HOLD, self.now)
        for news in answer.letters:
            case.hear_of_letter(news, self.now)
        if ask and answer.contact_on:
            case.contact_is_on(ask.step, answer.contact_on)
        return answer

    def _letter_to_withdraw(self) -> DropReason | None:
        """A hold, or the end, takes back a letter that has not gone."""
        if self.case.settled:
            return DropReason.SETTLED
        return DropReason.ON_HOLD if self.case.holds.any and self.case.last_letter_unheard else None

    @property
    def _first_run(self) -> str:
        """The same for all runs that were continued as new; another for an invoice that was reopened."""
        return workflow.info().first_execution_run_id

    # --- what machines report

    @workflow.signal
    def billing_event(self, event: BillingEvent) -> None:
        self.case.hear(event, self.now)

    @workflow.signal
    def letter_news(self, news: LetterNews) -> None:
        self.case.hear_of_letter(news, self.now)

    @workflow.signal
    def hold_placed(self, hold: Hold) -> None:
        self.case.place_hold(hold, self.now)

    @workflow.signal
    def hold_lifted(self, hold_id: str) -> None:
        self.case.lift_hold(hold_id, self.now)

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        """A clock that is played fast stood still while Duecourse was down."""
        self.clock = clock
        self.case.note(EntryKind.CLOCK_SET, self.now, day_seconds=str(clock.day_seconds))

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def make_promise(self, act: MakePromise) -> Receipt:
        return await self._do(act)

    @make_promise.validator
    def _check_promise(self, act: MakePromise) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def promise_made(self, act: MakePromise) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def log_call(self, act: LogCall) -> Receipt:
        return await self._do(act)

    @workflow.signal
    def call_logged(self, act: LogCall) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def pause(self, act: Pause) -> Receipt:
        return await self._do(act)

    @pause.validator
    def _check_pause(self, act: Pause) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def paused(self, act: Pause) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def resume(self, act: Resume) -> Receipt:
        return await self._do(act)

    @resume.validator
    def _check_resume(self, act: Resume) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def resumed(self, act: Resume) -> None:
        carry_out(self.case, act, self.now)

    @workflow.update
    async def add_note(self, act: AddNote) -> Receipt:
        return await self._do(act)

    @workflow.signal
    def note_added(self, act: AddNote) -> None:
        carry_out(self.case, act, self.now)

    def _refuse_what_is_ruled_out(self, act: Act) -> None:
        reason = refusal(self.case, act, self.now.business.date())
        if reason:
            raise ApplicationError(reason, type=ACT_REFUSED, non_retryable=True)

    async def _do(self, act: Act) -> Receipt:
        """Do it once; answer when the journal has it."""
        seq = carry_out(self.case, act, self.now)
        await workflow.wait_condition(lambda: all(entry.facts.get("act") != act.act_id for entry in self.case.journal.pending))
        return Receipt(act_id=act.act_id, seq=seq, repeated=seq is None)

    # --- what managers ask

    @workflow.query
    def snapshot(self) -> CaseView:
        return self.case.view(self._first_run, self.now.business)

    @workflow.query
    def waiting_for(self) -> str:
        return self.case.waiting_for

    @workflow.query
    def next_step(self) -> NextStep:
        now = self.now.business
        step = self.case.next_step(now.date())
        return NextStep(step=step.step if step else None, due_at=self.case.step_due_at(now), waiting_for=self.case.waiting_for)
