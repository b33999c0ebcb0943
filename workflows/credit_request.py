"""A credit note or a cancellation that somebody asks for by hand: billing books it once the matrix's signatories agree."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.case_effects import CaseEffectActivities
    from domain import identifiers as ids
    from domain.approval.commands import DecideApproval
    from domain.approval.result import ApprovalOutcome
    from domain.billing.billing_events import InvoiceFacts
    from domain.case.billing_results import BillingResult, BookingResult
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import CommandReceipt
    from domain.clock import Clock
    from domain.credit_request.command_rules import RULES
    from domain.credit_request.commands import RequestCredit, WithdrawCreditRequest
    from domain.credit_request.request_case import APPROVAL_SEQUENCE, CreditRequestCase, CreditRequestStage
    from domain.credit_request.view import build_case_view
    from domain.credit_request.workflow_input import CreditRequestInput
    from domain.journal.journal import Journal

from workflows.case_runtime.activity_options import SHORT_ACTIVITY_OPTIONS
from workflows.case_runtime.case_session import CaseSession
from workflows.case_runtime.effect_dispatcher import EffectResultHandlers
from workflows.case_runtime.search_attributes import set_collector_attribute


@workflow.defn
class CreditRequest:
    """One request about an invoice at a time, from the asking until it is booked, or not agreed to."""

    @workflow.init
    def __init__(self, workflow_input: CreditRequestInput) -> None:
        self.case = workflow_input.case or self._create_case(workflow_input)
        self.session = CaseSession(
            self.case,
            workflow_input,
            lambda run_id: build_case_view(self.case, run_id),
            RULES,
            EffectResultHandlers(self._handle_billing_result),
        )

    @workflow.run
    async def run(self, workflow_input: CreditRequestInput) -> None:
        await self.session.wait_for_first_request(lambda: self.case.request is not None)
        await self.session.settle()
        if self.case.request and not self.case.is_ended:
            await self.read_invoice()
        while self.case.request and not self.case.is_ended:
            await self.session.wait_until(None, lambda: self.case.is_ended)
            await self.session.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.is_ended:
                await self.session.continue_as_new(workflow_input)
        await self.session.finish()

    def _create_case(self, workflow_input: CreditRequestInput) -> CreditRequestCase:
        invoice_id = workflow_input.invoice_id
        journal = Journal(case_id=ids.credit_request_case_id(invoice_id), account_id=workflow_input.account_id, invoice_id=invoice_id)
        case = CreditRequestCase(journal=journal, invoice_id=invoice_id)
        if workflow_input.earlier:
            case.continue_from(workflow_input.earlier)
        return case

    async def read_invoice(self) -> None:
        """What billing booked before it could know that this case is to hear of it."""
        update = await workflow.execute_activity_method(CaseEffectActivities.read_invoice, self.case.invoice_id, **SHORT_ACTIVITY_OPTIONS)
        if update:
            self.case.apply_invoice_facts(update.facts)

    def _handle_billing_result(self, result: BillingResult) -> None:
        if isinstance(result, BookingResult):
            self.case.apply_booking_result(result, self.session.now)

    # --- what people ask: as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def request_credit(self, command: RequestCredit) -> CommandReceipt:
        return await self.session.apply_command(command)

    @request_credit.validator
    def _check_request(self, command: RequestCredit) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def credit_wanted(self, command: RequestCredit) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def withdraw_credit(self, command: WithdrawCreditRequest) -> CommandReceipt:
        return await self.session.apply_command(command)

    @withdraw_credit.validator
    def _check_withdrawal(self, command: WithdrawCreditRequest) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def credit_withdrawn(self, command: WithdrawCreditRequest) -> None:
        self.session.apply_signalled_command(command)

    # --- what other cases and machines report

    @workflow.signal
    def facts_changed(self, facts: InvoiceFacts) -> None:
        self.case.apply_invoice_facts(facts)

    @workflow.signal
    def approval_came(self, outcome: ApprovalOutcome) -> None:
        self.case.apply_approval_outcome(outcome, self.session.now)

    @workflow.signal
    async def decided(self, decision: DecideApproval) -> None:
        """Forward a decision that was sent without the approval's id."""
        number = self.case.last_number(APPROVAL_SEQUENCE) if self.case.stage is CreditRequestStage.APPROVAL else None
        await self.session.forward_decision(decision, number)

    @workflow.signal
    def collector_is(self, name: str) -> None:
        set_collector_attribute(name)

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        self.session.set_clock(clock)

    # --- what managers ask

    @workflow.query
    def snapshot(self) -> CaseView:
        return self.session.build_view()

    @workflow.query
    def waiting_for(self) -> str:
        return self.case.waiting_for

    @workflow.query
    def next_step(self) -> NextStep:
        return NextStep(step=None, due_at=None, waiting_for=self.case.waiting_for)
