"""The dispute of one invoice: a department answers in time or is escalated, and the answer is carried out."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.result import ApprovalNews
    from domain.billing.billing_events import InvoiceFacts
    from domain.case.billing_results import BillingWord, Booking
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import Act, Receipt
    from domain.clock import Clock
    from domain.correspondence.letter_outcome import LetterNews
    from domain.dispute.command_rules import carry_out, refusal
    from domain.dispute.commands import AssignDispute, AttachEvidence, ResolveDispute
    from domain.dispute.dispute_case import DisputeCase
    from domain.dispute.view import next_step, view, waiting_for
    from domain.dispute.workflow_input import DisputeOpening
    from domain.journal.journal import Journal
    from domain.policy.dispute_rules import Resolution

from workflows.case_runtime.case_session import CaseDesk, refuse
from workflows.case_runtime.search_attributes import show_collector


@workflow.defn
class Dispute:
    """A dispute from its raising to its resolution. The invoice hears of it by `disputed`, and is on hold while nothing else is left to
    chase."""

    @workflow.init
    def __init__(self, opening: DisputeOpening) -> None:
        self.case = opening.case or self._new_case(opening)
        self.desk = CaseDesk(self.case, opening.clock, lambda run_id: view(self.case, run_id), self._billing_said)
        if opening.case is None:
            self.case.open(self.desk.now)

    @workflow.run
    async def run(self, opening: DisputeOpening) -> Resolution:
        await self.desk.settle()
        while self.case.resolution is None:
            await self.desk.wait_until(self.case.wakes_at)
            self.case.let_time_pass(self.desk.now)
            await self.desk.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.over:
                await self.hand_on(opening)
        await self.desk.finish()
        return self.case.resolution

    def _new_case(self, opening: DisputeOpening) -> DisputeCase:
        case_id = ids.dispute_case(opening.invoice_id, opening.number)
        journal = Journal(case_id=case_id, account_id=opening.account_id, invoice_id=opening.invoice_id)
        return DisputeCase(journal=journal, facts=opening.facts, snapshot=opening.policy, raised=opening.raised)

    def _billing_said(self, booking: BillingWord) -> None:
        if not isinstance(booking, Booking):
            return
        if booking.refused:
            self.case.booking_refused(booking.key, booking.refused, self.desk.now)
        else:
            self.case.booked(booking.key, self.desk.now)

    async def hand_on(self, opening: DisputeOpening) -> None:
        """Go on in a new run, with the same state and a short history."""
        await self.desk.finish(for_good=False)
        workflow.continue_as_new(opening.model_copy(update={"clock": self.desk.clock, "case": self.case}))

    # --- what machines and other cases report

    @workflow.signal
    def facts_changed(self, facts: InvoiceFacts) -> None:
        self.case.hear_facts(facts, self.desk.now)

    @workflow.signal
    def approval_came(self, news: ApprovalNews) -> None:
        self.case.approval_came(news, self.desk.now)

    @workflow.signal
    def letter_news(self, news: LetterNews) -> None:
        self.case.hear_of_letter(news, self.desk.now)

    @workflow.signal
    def collector_is(self, name: str) -> None:
        show_collector(name)

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        self.desk.set_clock(clock)

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def assign(self, act: AssignDispute) -> Receipt:
        return await self._do(act)

    @assign.validator
    def _check_assignment(self, act: AssignDispute) -> None:
        refuse(refusal(self.case, act))

    @workflow.signal
    def assigned(self, act: AssignDispute) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def attach(self, act: AttachEvidence) -> Receipt:
        return await self._do(act)

    @attach.validator
    def _check_evidence(self, act: AttachEvidence) -> None:
        refuse(refusal(self.case, act))

    @workflow.signal
    def attached(self, act: AttachEvidence) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def resolve(self, act: ResolveDispute) -> Receipt:
        return await self._do(act)

    @resolve.validator
    def _check_resolution(self, act: ResolveDispute) -> None:
        refuse(refusal(self.case, act))

    @workflow.signal
    def resolved(self, act: ResolveDispute) -> None:
        carry_out(self.case, act, self.desk.now)

    async def _do(self, act: Act) -> Receipt:
        return await self.desk.receipt(act.act_id, carry_out(self.case, act, self.desk.now))

    # --- what managers ask

    @workflow.query
    def snapshot(self) -> CaseView:
        return view(self.case, workflow.info().first_execution_run_id)

    @workflow.query
    def waiting_for(self) -> str:
        return waiting_for(self.case)

    @workflow.query
    def next_step(self) -> NextStep:
        return NextStep(step=next_step(self.case), due_at=self.case.wakes_at(), waiting_for=waiting_for(self.case))
