"""The dispute of one invoice: a department answers in time or is escalated, and the answer is carried out."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.result import ApprovalOutcome
    from domain.billing.billing_events import InvoiceFacts
    from domain.case.billing_results import BillingResult, BookingResult
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import CommandReceipt
    from domain.clock import Clock
    from domain.correspondence.letter_outcome import LetterOutcome
    from domain.dispute.command_rules import RULES
    from domain.dispute.commands import AssignDispute, AttachEvidence, ResolveDispute
    from domain.dispute.dispute_case import DisputeCase
    from domain.dispute.view import build_case_view, next_step, waiting_for
    from domain.dispute.workflow_input import DisputeInput
    from domain.journal.journal import Journal
    from domain.policy.dispute_rules import DisputeResolution

from workflows.case_runtime.case_session import CaseSession
from workflows.case_runtime.effect_dispatcher import EffectResultHandlers
from workflows.case_runtime.search_attributes import set_collector_attribute


@workflow.defn
class Dispute:
    """A dispute from its raising to its resolution. The invoice hears of it by `disputed`, and is on hold while nothing else is left to
    chase."""

    @workflow.init
    def __init__(self, workflow_input: DisputeInput) -> None:
        self.case = workflow_input.case or self._create_case(workflow_input)
        self.session = CaseSession(
            self.case,
            workflow_input,
            lambda run_id: build_case_view(self.case, run_id),
            RULES,
            EffectResultHandlers(self._handle_billing_result),
        )
        if workflow_input.case is None:
            self.case.open(self.session.now)

    @workflow.run
    async def run(self, workflow_input: DisputeInput) -> DisputeResolution:
        await self.session.settle()
        while self.case.resolution is None:
            await self.session.wait_until(self.case.wakes_at())
            self.case.run_due_actions(self.session.now)
            await self.session.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.is_closed:
                await self.session.continue_as_new(workflow_input)
        await self.session.finish()
        return self.case.resolution

    def _create_case(self, workflow_input: DisputeInput) -> DisputeCase:
        case_id = ids.dispute_case_id(workflow_input.invoice_id, workflow_input.number)
        journal = Journal(case_id=case_id, account_id=workflow_input.account_id, invoice_id=workflow_input.invoice_id)
        return DisputeCase(journal=journal, facts=workflow_input.facts, snapshot=workflow_input.policy, raised=workflow_input.raised)

    def _handle_billing_result(self, result: BillingResult) -> None:
        if not isinstance(result, BookingResult):
            return
        if result.refused:
            self.case.reject_booking(result.key, result.refused, self.session.now)
        else:
            self.case.confirm_booking(result.key, self.session.now)

    # --- what machines and other cases report

    @workflow.signal
    def facts_changed(self, facts: InvoiceFacts) -> None:
        self.case.apply_invoice_facts(facts, self.session.now)

    @workflow.signal
    def approval_came(self, outcome: ApprovalOutcome) -> None:
        self.case.apply_approval_outcome(outcome, self.session.now)

    @workflow.signal
    def letter_news(self, outcome: LetterOutcome) -> None:
        self.case.apply_letter_outcome(outcome, self.session.now)

    @workflow.signal
    def collector_is(self, name: str) -> None:
        set_collector_attribute(name)

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        self.session.set_clock(clock)

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def assign(self, command: AssignDispute) -> CommandReceipt:
        return await self.session.apply_command(command)

    @assign.validator
    def _check_assignment(self, command: AssignDispute) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def assigned(self, command: AssignDispute) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def attach(self, command: AttachEvidence) -> CommandReceipt:
        return await self.session.apply_command(command)

    @attach.validator
    def _check_evidence(self, command: AttachEvidence) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def attached(self, command: AttachEvidence) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def resolve(self, command: ResolveDispute) -> CommandReceipt:
        return await self.session.apply_command(command)

    @resolve.validator
    def _check_resolution(self, command: ResolveDispute) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def resolved(self, command: ResolveDispute) -> None:
        self.session.apply_signalled_command(command)

    # --- what managers ask

    @workflow.query
    def snapshot(self) -> CaseView:
        return self.session.build_view()

    @workflow.query
    def waiting_for(self) -> str:
        return waiting_for(self.case)

    @workflow.query
    def next_step(self) -> NextStep:
        return NextStep(step=next_step(self.case), due_at=self.case.wakes_at(), waiting_for=waiting_for(self.case))
