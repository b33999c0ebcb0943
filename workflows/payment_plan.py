"""A payment plan over some invoices of an account: negotiated, approved, offered, accepted; then kept, or broken."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.commands import DecideApproval
    from domain.approval.result import ApprovalOutcome
    from domain.billing.billing_events import ChargePayment
    from domain.billing.receivables import InvoiceUpdate
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import CommandReceipt
    from domain.clock import Clock
    from domain.correspondence.letter_outcome import LetterOutcome
    from domain.journal.journal import Journal
    from domain.payment_plan.command_rules import RULES
    from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, RevisePlan
    from domain.payment_plan.negotiation import apply_approval_outcome, open_plan
    from domain.payment_plan.plan_case import PaymentPlanCase
    from domain.payment_plan.plan_progress import apply_interest_payment, apply_invoice_facts, cancel_plan, run_due_actions
    from domain.payment_plan.state import INSOLVENT, PlanStage
    from domain.payment_plan.view import build_case_view, next_step, waiting_for
    from domain.payment_plan.workflow_input import PaymentPlanInput

from workflows.case_runtime.case_session import CaseSession
from workflows.case_runtime.effect_dispatcher import EffectResultHandlers
from workflows.case_runtime.search_attributes import set_collector_attribute


@workflow.defn
class PaymentPlan:
    """A plan from its proposal to its end. It holds its invoices until then."""

    @workflow.init
    def __init__(self, workflow_input: PaymentPlanInput) -> None:
        self.case = workflow_input.case or self._create_case(workflow_input)
        self.session = CaseSession(
            self.case,
            workflow_input,
            lambda run_id: build_case_view(self.case, run_id),
            RULES,
            EffectResultHandlers(invoice_changed=self.invoice_changed),
        )
        if workflow_input.case is None:
            open_plan(self.case, self.session.now)

    @workflow.run
    async def run(self, workflow_input: PaymentPlanInput) -> PlanStage:
        await self.session.settle()
        while self.case.ending is None:
            await self.session.wait_until(self.case.wakes_at())
            run_due_actions(self.case, self.session.now)
            await self.session.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.is_over:
                await self.session.continue_as_new(workflow_input)
        await self.session.finish()
        return self.case.ending

    def _create_case(self, workflow_input: PaymentPlanInput) -> PaymentPlanCase:
        journal = Journal(case_id=ids.plan_case_id(workflow_input.account_id, workflow_input.number), account_id=workflow_input.account_id)
        return PaymentPlanCase(
            journal=journal,
            snapshot=workflow_input.policy,
            proposal=workflow_input.proposal,
            covered=workflow_input.covered,
            broken_plans=workflow_input.broken_plans,
        )

    # --- what machines and other cases report

    @workflow.signal
    def invoice_changed(self, update: InvoiceUpdate) -> None:
        """An insolvent customer can keep no plan."""
        apply_invoice_facts(self.case, update.invoice_id, update.facts, self.session.now)
        if update.insolvent and not self.case.is_over:
            cancel_plan(self.case, INSOLVENT, self.session.now)

    @workflow.signal
    def interest_came(self, payment: ChargePayment) -> None:
        apply_interest_payment(self.case, payment.event_id, payment.amount, self.session.now)

    @workflow.signal
    def approval_came(self, outcome: ApprovalOutcome) -> None:
        apply_approval_outcome(self.case, outcome, self.session.now)

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
        revision = self.case.draft
        await self.session.forward_decision(decision, revision.number if revision else None)

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def revise(self, command: RevisePlan) -> CommandReceipt:
        return await self.session.apply_command(command)

    @revise.validator
    def _check_revision(self, command: RevisePlan) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def revised(self, command: RevisePlan) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def accept(self, command: AcceptPlan) -> CommandReceipt:
        return await self.session.apply_command(command)

    @accept.validator
    def _check_acceptance(self, command: AcceptPlan) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def accepted(self, command: AcceptPlan) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def decline(self, command: DeclinePlan) -> CommandReceipt:
        return await self.session.apply_command(command)

    @decline.validator
    def _check_refusal(self, command: DeclinePlan) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def declined(self, command: DeclinePlan) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def cancel(self, command: CancelPlan) -> CommandReceipt:
        return await self.session.apply_command(command)

    @cancel.validator
    def _check_cancellation(self, command: CancelPlan) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def cancelled(self, command: CancelPlan) -> None:
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
