"""The desk of one invoice: what its case noted is written down, with what a step asks for, and what the database answers is taken in."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.case_recording import CaseRecordingActivities
    from domain.case.case_view import CaseView
    from domain.case.command import Command, CommandReceipt
    from domain.case_record import CaseWrite, CaseWriteResult
    from domain.clock import Clock, Moment
    from domain.correspondence.contact_request import ContactOrder
    from domain.correspondence.letter_outcome import DropReason
    from domain.invoice.command_rules import apply_command
    from domain.invoice.invoice_case import InvoiceCase
    from domain.invoice.view import build_case_view
    from domain.policy.collection_policy import Step

from workflows.case_runtime.activity_options import RECORD_OPTIONS
from workflows.case_runtime.search_attributes import SearchAttributeUpdater


class InvoiceSession:
    def __init__(self, case: InvoiceCase, clock: Clock) -> None:
        self.case, self.clock = case, clock
        self._search_attributes = SearchAttributeUpdater()

    @property
    def now(self) -> Moment:
        real = workflow.now()
        return Moment(self.clock.to_business(real), real)

    def build_view(self) -> CaseView:
        """Under the first run's id: the same for all runs that were continued as new; another for an invoice that was reopened."""
        return build_case_view(self.case, workflow.info().first_execution_run_id, self.now.business)

    def build_contact_order(self, step: Step) -> ContactOrder:
        policy, due = self.case.policy, self.case.facts.due_date
        return ContactOrder(
            step=step.step,
            rank=step.day,
            act=step.act,
            letter=step.letter,
            escalate_to=step.escalate_to,
            contact=policy.contact,
            not_before=self.now.business.date(),
            not_after=due if step.is_before_due else None,
            hours_matter=self.clock.hours_matter,
            catch_up_days=policy.catch_up_days,
            minimum=policy.minimum_open_balance(self.case.facts.currency),
        )

    async def write_journal(self, contact_order: ContactOrder | None = None) -> None:
        """Bring every pending entry, and what a step asks for, into the database."""
        while self.case.journal.pending or contact_order:
            answer = await self.record_case(contact_order=contact_order)
            contact_order = contact_order if answer.carried else None

    async def check_last_letter(self) -> None:
        """It went, or it is still under way: then its end is signalled."""
        answer = await self.record_case(await_letter=True)
        self.case.letter_awaited = answer.under_way and self.case.is_last_letter_unresolved
        if self.case.is_last_letter_unresolved and not answer.under_way:
            self.case.record_unknown_letter(self.now)

    async def record_case(self, contact_order: ContactOrder | None = None, await_letter: bool = False) -> CaseWriteResult:
        """Write once, and take in what the database answers."""
        case, shown = self.case, self.build_view()
        entries, errands = list(case.journal.pending), list(case.errands)
        answer = await workflow.execute_local_activity_method(
            CaseRecordingActivities.record,
            CaseWrite(
                now=self.now.business,
                entries=entries,
                case=shown,
                carried=case.build_earlier_run(),
                ask=contact_order,
                await_letter=await_letter,
                withdraw=self._letter_withdrawal_reason(),
                errands=errands,
                heard=case.heard,
            ),
            **RECORD_OPTIONS,
        )
        if answer.carried:
            case.reopen(answer.carried, self.now)
            return answer
        if entries:
            case.journal.mark_written(entries[-1].seq, answer.head)
        case.errands = case.errands[len(errands) :]
        for step in answer.withdrawn:
            case.record_letter_withdrawal(step, self._letter_withdrawal_reason() or DropReason.ON_HOLD, self.now)
        for news in answer.letters:
            case.apply_letter_outcome(news, self.now)
        if contact_order and answer.contact_on:
            case.set_contact_date(contact_order.step, answer.contact_on)
        self._search_attributes.update_attributes(shown)
        return answer

    def _letter_withdrawal_reason(self) -> DropReason | None:
        """A hold, or the end, takes back a letter that has not gone."""
        if self.case.is_settled:
            return DropReason.SETTLED
        return DropReason.ON_HOLD if self.case.holds.is_on_hold and self.case.is_last_letter_unresolved else None

    async def apply_command(self, command: Command) -> CommandReceipt:
        """Do a person's act once; answer when the journal has it."""
        seq = apply_command(self.case, command, self.now)
        await workflow.wait_condition(lambda: all(entry.facts.get("act") != command.act_id for entry in self.case.journal.pending))
        return CommandReceipt(act_id=command.act_id, seq=seq, repeated=seq is None)
