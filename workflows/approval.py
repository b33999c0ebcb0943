"""The one human gate: it asks the matrix's tiers one after the other, reminds, escalates, and lapses when the facts change."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.approval_case import ApprovalCase, ApprovalView, Ending, LapseReason
    from domain.approval.command_rules import carry_out, refusal
    from domain.approval.commands import Decision, Withdrawal
    from domain.approval.view import view
    from domain.approval.workflow_input import ApprovalOpening
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import Act, Receipt
    from domain.case.effects import ReviseApproval, WithdrawApproval
    from domain.clock import Clock
    from domain.journal.journal import Journal

from workflows.case_runtime.case_session import CaseDesk, refuse
from workflows.case_runtime.effect_dispatcher import tell
from workflows.case_runtime.search_attributes import show_collector


@workflow.defn
class Approval:
    """What one case asks people to agree to, until they have, or nobody need any more. The case that asked hears by `approval_came`."""

    @workflow.init
    def __init__(self, opening: ApprovalOpening) -> None:
        self.case = opening.case or self._new_case(opening)
        self.desk = CaseDesk(self.case, opening.clock, lambda run_id: view(self.case, run_id))
        if opening.case is None:
            self.case.open(self.desk.now)

    @workflow.run
    async def run(self, opening: ApprovalOpening) -> Ending:
        await self.desk.settle()
        while self.case.ending is None:
            await self.desk.wait_until(lambda: self.case.wakes_at)
            self.case.let_time_pass(self.desk.now)
            await self.desk.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.ended:
                await self.hand_on(opening)
        await tell(self.case.subject.case_id, "approval_came", self.case.ending.news(opening.number))
        await self.desk.finish()
        return self.case.ending

    def _new_case(self, opening: ApprovalOpening) -> ApprovalCase:
        invoices = opening.subject.invoice_ids
        journal = Journal(
            case_id=ids.approval_case(opening.subject.case_id, opening.number), account_id=opening.account_id,
            invoice_id=invoices[0] if len(invoices) == 1 else None,
        )  # fmt: skip
        return ApprovalCase.about(
            journal, opening.question, opening.requester, opening.subject, opening.matrix, opening.acting_for, opening.also_asked
        )

    async def hand_on(self, opening: ApprovalOpening) -> None:
        """Go on in a new run, with the same state and a short history."""
        await self.desk.finish(for_good=False)
        workflow.continue_as_new(opening.model_copy(update={"clock": self.desk.clock, "case": self.case}))

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def decide(self, act: Decision) -> Receipt:
        return await self.desk.receipt(act.act_id, carry_out(self.case, act, self.desk.now))

    @decide.validator
    def _check_decision(self, act: Decision) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def decided(self, act: Decision) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def withdraw(self, act: Withdrawal) -> Receipt:
        return await self.desk.receipt(act.act_id, carry_out(self.case, act, self.desk.now))

    @withdraw.validator
    def _check_withdrawal(self, act: Withdrawal) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def withdrawn(self, act: Withdrawal) -> None:
        carry_out(self.case, act, self.desk.now)

    def _refuse_what_is_ruled_out(self, act: Act) -> None:
        refuse(refusal(self.case, act, self.desk.now.business.date()))

    # --- what the case that asked reports

    @workflow.signal
    def facts_changed(self, change: ReviseApproval) -> None:
        question = self.case.question.model_copy(update={"amount": change.amount, "currency": change.currency})
        self.case.hear_of(question, self.desk.now)

    @workflow.signal
    def lapse(self, withdrawal: WithdrawApproval) -> None:
        """For a reason that has no name here, as withdrawn: a signal must never stop a workflow."""
        known = withdrawal.reason in set(LapseReason)
        self.case.lapse(LapseReason(withdrawal.reason) if known else LapseReason.WITHDRAWN, self.desk.now)

    @workflow.signal
    def collector_is(self, name: str) -> None:
        show_collector(name)

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        self.desk.set_clock(clock)

    # --- what managers ask

    @workflow.query
    def snapshot(self) -> CaseView:
        return view(self.case, workflow.info().first_execution_run_id)

    @workflow.query
    def approval(self) -> ApprovalView:
        return self.case.view()

    @workflow.query
    def waiting_for(self) -> str:
        return self.case.waiting_for

    @workflow.query
    def next_step(self) -> NextStep:
        step = None if self.case.ended else "decision"
        return NextStep(step=step, due_at=self.case.wakes_at, waiting_for=self.case.waiting_for)
