"""The write-off of an account that was handed over: the team decides within the matrix, billing books it, and what comes back is kept."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.commands import DecideApproval
    from domain.approval.result import ApprovalOutcome
    from domain.billing.billing_events import WriteOffRecovery
    from domain.billing.receivables import InvoiceUpdate, Receivable
    from domain.case.billing_results import BillingResult, WriteOffResult
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import CommandReceipt
    from domain.clock import Clock
    from domain.correspondence.letter_outcome import LetterOutcome
    from domain.journal.journal import Journal
    from domain.write_off.commands import ProposeWriteOff
    from domain.write_off.view import build_case_view, next_step
    from domain.write_off.workflow_input import WriteOffInput
from domain.write_off.command_rules import RULES
from domain.write_off.write_off_case import APPROVAL_SEQUENCE, WriteOffCase
from workflows.case_runtime.case_session import CaseSession
from workflows.case_runtime.effect_dispatcher import EffectResultHandlers
from workflows.case_runtime.search_attributes import set_collector_attribute


@workflow.defn
class WriteOff:
    """One account in the hands of the write-off and bad debt team, until it is paid or collected again."""

    @workflow.init
    def __init__(self, workflow_input: WriteOffInput) -> None:
        self.case = workflow_input.case or self._create_case(workflow_input)
        self.session = CaseSession(
            self.case,
            workflow_input,
            lambda run_id: build_case_view(self.case, run_id),
            RULES,
            EffectResultHandlers(self._handle_billing_result, self.invoice_changed),
        )
        if workflow_input.case is None:
            self.case.apply_hand_over(workflow_input.handed_over, self.session.now)

    @workflow.run
    async def run(self, workflow_input: WriteOffInput) -> None:
        await self.session.settle()
        while not self.case.is_ended:
            await self.session.wait_until(None)
            await self.session.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.is_ended:
                await self.session.continue_as_new(workflow_input)
        await self.session.finish()
        if self.case.late:
            earlier = self.case.build_earlier_run()
            workflow.continue_as_new(
                workflow_input.for_next_run(self.session.clock, earlier=earlier, handed_over=self.case.late, case=None)
            )

    def _create_case(self, workflow_input: WriteOffInput) -> WriteOffCase:
        journal = Journal(case_id=ids.write_off_case_id(workflow_input.account_id), account_id=workflow_input.account_id)
        case = WriteOffCase(journal=journal)
        if workflow_input.earlier:
            case.continue_from(workflow_input.earlier)
        return case

    def _handle_billing_result(self, result: BillingResult) -> None:
        if isinstance(result, WriteOffResult):
            self.case.apply_booking(result.invoice_id, result.amount, self.session.now)

    # --- what machines and other cases report

    @workflow.signal
    def handed_over(self, claims: list[Receivable]) -> None:
        self.case.apply_hand_over(claims, self.session.now)

    @workflow.signal
    def invoice_changed(self, update: InvoiceUpdate) -> None:
        self.case.update_receivable(update.receivable, self.session.now)

    @workflow.signal
    def recovered(self, recovery: WriteOffRecovery) -> None:
        self.case.apply_recovery(recovery, self.session.now)

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

    @workflow.signal
    async def decided(self, decision: DecideApproval) -> None:
        """Forward a decision that was sent without the approval's id."""
        await self.session.forward_decision(decision, self.case.last_number(APPROVAL_SEQUENCE) if self.case.approval_open else None)

    # --- what people do: as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def propose(self, command: ProposeWriteOff) -> CommandReceipt:
        return await self.session.apply_command(command)

    @propose.validator
    def _check_proposal(self, command: ProposeWriteOff) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def proposed(self, command: ProposeWriteOff) -> None:
        self.session.apply_signalled_command(command)

    # --- what managers ask

    @workflow.query
    def snapshot(self) -> CaseView:
        return self.session.build_view()

    @workflow.query
    def waiting_for(self) -> str:
        return self.case.waiting_for

    @workflow.query
    def next_step(self) -> NextStep:
        return NextStep(step=next_step(self.case), due_at=None, waiting_for=self.case.waiting_for)
