"""A payment plan over some invoices of an account: negotiated, approved, offered, accepted; then kept, or broken."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.commands import Decision
    from domain.approval.result import ApprovalNews
    from domain.billing.billing_events import ChargePaid
    from domain.billing.receivables import InvoiceNews
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import Act, Receipt
    from domain.clock import Clock
    from domain.correspondence.letter_outcome import LetterNews
    from domain.journal.journal import Journal
    from domain.payment_plan.command_rules import carry_out, refusal
    from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, RevisePlan
    from domain.payment_plan.plan_case import PaymentPlanCase, PlanStage
    from domain.payment_plan.state import INSOLVENT
    from domain.payment_plan.view import next_step, view, waiting_for
    from domain.payment_plan.workflow_input import PlanOpening

from workflows.case_runtime.case_session import CaseDesk, refuse
from workflows.case_runtime.search_attributes import show_collector


@workflow.defn
class PaymentPlan:
    """A plan from its proposal to its end. It holds its invoices until then."""

    @workflow.init
    def __init__(self, opening: PlanOpening) -> None:
        self.case = opening.case or self._new_case(opening)
        self.desk = CaseDesk(self.case, opening.clock, lambda run_id: view(self.case, run_id), invoice_changed=self.invoice_changed)
        if opening.case is None:
            self.case.open(self.desk.now)

    @workflow.run
    async def run(self, opening: PlanOpening) -> PlanStage:
        await self.desk.settle()
        while self.case.ending is None:
            await self.desk.wait_until(self.case.wakes_at)
            self.case.let_time_pass(self.desk.now)
            await self.desk.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.over:
                await self.hand_on(opening)
        await self.desk.finish()
        return self.case.ending

    def _new_case(self, opening: PlanOpening) -> PaymentPlanCase:
        journal = Journal(case_id=ids.plan_case(opening.account_id, opening.number), account_id=opening.account_id)
        return PaymentPlanCase(
            journal=journal, snapshot=opening.policy, proposal=opening.proposal, covered=opening.covered, broken_plans=opening.broken_plans
        )

    async def hand_on(self, opening: PlanOpening) -> None:
        """Go on in a new run, with the same state and a short history."""
        await self.desk.finish(for_good=False)
        workflow.continue_as_new(opening.model_copy(update={"clock": self.desk.clock, "case": self.case}))

    # --- what machines and other cases report

    @workflow.signal
    def invoice_changed(self, news: InvoiceNews) -> None:
        """An insolvent customer can keep no plan."""
        self.case.hear_facts(news.invoice_id, news.facts, self.desk.now)
        if news.insolvent and not self.case.over:
            self.case.cancel(INSOLVENT, self.desk.now)

    @workflow.signal
    def interest_came(self, paid: ChargePaid) -> None:
        self.case.interest_came(paid.event_id, paid.amount, self.desk.now)

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

    @workflow.signal
    async def decided(self, decision: Decision) -> None:
        """For whoever does not know the approval that waits."""
        revision = self.case.draft
        await self.desk.hand_on(decision, revision.number if revision else None)

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def revise(self, act: RevisePlan) -> Receipt:
        return await self._do(act)

    @revise.validator
    def _check_revision(self, act: RevisePlan) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def revised(self, act: RevisePlan) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def accept(self, act: AcceptPlan) -> Receipt:
        return await self._do(act)

    @accept.validator
    def _check_acceptance(self, act: AcceptPlan) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def accepted(self, act: AcceptPlan) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def decline(self, act: DeclinePlan) -> Receipt:
        return await self._do(act)

    @decline.validator
    def _check_refusal(self, act: DeclinePlan) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def declined(self, act: DeclinePlan) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def cancel(self, act: CancelPlan) -> Receipt:
        return await self._do(act)

    @cancel.validator
    def _check_cancellation(self, act: CancelPlan) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def cancelled(self, act: CancelPlan) -> None:
        carry_out(self.case, act, self.desk.now)

    def _refuse_what_is_ruled_out(self, act: Act) -> None:
        refuse(refusal(self.case, act, self.desk.now.business.date()))

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
