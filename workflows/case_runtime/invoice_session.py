"""The desk of one invoice: what its case noted is written down, with what a step asks for, and what the database answers is taken in."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.case_recording import Recording
    from domain.case.case_view import CaseView
    from domain.case.command import Act, Receipt
    from domain.case_record import Record, Recorded
    from domain.clock import Clock, Moment
    from domain.correspondence.contact_request import Ask
    from domain.correspondence.letter_outcome import DropReason
    from domain.invoice.command_rules import carry_out
    from domain.invoice.invoice_case import InvoiceCase
    from domain.invoice.view import view
    from domain.policy.collection_policy import Step

from workflows.case_runtime.activity_options import RECORD
from workflows.case_runtime.search_attributes import ShownInLists


class InvoiceDesk:
    def __init__(self, case: InvoiceCase, clock: Clock) -> None:
        self.case, self.clock = case, clock
        self._lists = ShownInLists()

    @property
    def now(self) -> Moment:
        real = workflow.now()
        return Moment(self.clock.business(real), real)

    def view(self) -> CaseView:
        """Under the first run's id: the same for all runs that were continued as new; another for an invoice that was reopened."""
        return view(self.case, workflow.info().first_execution_run_id, self.now.business)

    def ask_for(self, step: Step) -> Ask:
        policy, due = self.case.policy, self.case.facts.due_date
        return Ask(
            step=step.step, rank=step.day, act=step.act, letter=step.letter, escalate_to=step.escalate_to, contact=policy.contact,
            not_before=self.now.business.date(), not_after=due if step.before_due else None, hours_matter=self.clock.hours_matter,
            catch_up_days=policy.catch_up_days, minimum=policy.minimum(self.case.facts.currency),
        )  # fmt: skip

    async def write_down(self, ask: Ask | None = None) -> None:
        """Bring every pending entry, and what a step asks for, into the database."""
        while self.case.journal.pending or ask:
            answer = await self.record(ask=ask)
            ask = ask if answer.carried else None

    async def hear_of_last_letter(self) -> None:
        """It went, or it is still under way: then its end is signalled."""
        answer = await self.record(await_letter=True)
        self.case.letter_awaited = answer.under_way and self.case.last_letter_unheard
        if self.case.last_letter_unheard and not answer.under_way:
            self.case.lose_letter(self.now)

    async def record(self, ask: Ask | None = None, await_letter: bool = False) -> Recorded:
        """Write once, and take in what the database answers."""
        case, shown = self.case, self.view()
        entries, errands = list(case.journal.pending), list(case.errands)
        answer = await workflow.execute_local_activity_method(
            Recording.record,
            Record(
                now=self.now.business, entries=entries, case=shown, carried=case.carried(), ask=ask, await_letter=await_letter,
                withdraw=self._letter_to_withdraw(), errands=errands, heard=case.heard,
            ),
            **RECORD,
        )  # fmt: skip
        if answer.carried:
            case.take_up(answer.carried, self.now)
            return answer
        if entries:
            case.journal.written(entries[-1].seq, answer.head)
        case.errands = case.errands[len(errands) :]
        for step in answer.withdrawn:
            case.withdrawn(step, self._letter_to_withdraw() or DropReason.ON_HOLD, self.now)
        for news in answer.letters:
            case.hear_of_letter(news, self.now)
        if ask and answer.contact_on:
            case.contact_is_on(ask.step, answer.contact_on)
        self._lists.show(shown)
        return answer

    def _letter_to_withdraw(self) -> DropReason | None:
        """A hold, or the end, takes back a letter that has not gone."""
        if self.case.settled:
            return DropReason.SETTLED
        return DropReason.ON_HOLD if self.case.holds.any and self.case.last_letter_unheard else None

    async def do(self, act: Act) -> Receipt:
        """Do a person's act once; answer when the journal has it."""
        seq = carry_out(self.case, act, self.now)
        await workflow.wait_condition(lambda: all(entry.facts.get("act") != act.act_id for entry in self.case.journal.pending))
        return Receipt(act_id=act.act_id, seq=seq, repeated=seq is None)
