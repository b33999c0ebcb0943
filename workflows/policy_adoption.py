"""The adoption of a policy's later version: once the matrix's signatories agree, the open invoices are told, batch by batch."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.policy_adoption import PolicyAdoptionActivities
    from domain import identifiers as ids
    from domain.approval.commands import DecideApproval
    from domain.approval.result import ApprovalOutcome
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import CommandReceipt
    from domain.clock import Clock
    from domain.journal.journal import Journal
    from domain.policy_adoption.adoption_case import APPROVAL_SEQUENCE, NO_ACCOUNT, AdoptionCase, AdoptionStage
    from domain.policy_adoption.command_rules import RULES
    from domain.policy_adoption.commands import RequestPolicyAdoption
    from domain.policy_adoption.view import build_case_view
    from domain.policy_adoption.workflow_input import PolicyAdoptionInput

from workflows.case_runtime.activity_options import MOVE_INVOICES_OPTIONS, SHORT_ACTIVITY_OPTIONS
from workflows.case_runtime.case_session import CaseSession

CHECK_INTERVAL = timedelta(seconds=5)
"""In real time: so long the invoices that were told have until the next look at how many are left."""


@workflow.defn
class PolicyAdoption:
    """One adoption of a policy at a time, from its request until every open invoice follows it, or it is known which does not. A version
    that was never in force is put in force first."""

    @workflow.init
    def __init__(self, workflow_input: PolicyAdoptionInput) -> None:
        self.case = workflow_input.case or self._create_case(workflow_input)
        self.session = CaseSession(self.case, workflow_input, lambda run_id: build_case_view(self.case, run_id), RULES)

    @workflow.run
    async def run(self, workflow_input: PolicyAdoptionInput) -> None:
        await self.session.wait_for_first_request(lambda: self.case.is_asked)
        await self.session.settle()
        while self.case.is_asked and not self.case.is_ended:
            if self.case.stage is AdoptionStage.PUTTING_IN_FORCE:
                await self.put_in_force()
            elif self.case.stage is AdoptionStage.MOVING:
                await self.move_next_invoices()
            else:
                await self.session.wait_until(None, lambda: self.case.stage is not AdoptionStage.APPROVAL)
            await self.session.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.is_ended:
                await self.session.continue_as_new(workflow_input)
        await self.session.finish()

    def _create_case(self, workflow_input: PolicyAdoptionInput) -> AdoptionCase:
        case = AdoptionCase(journal=Journal(case_id=ids.policy_adoption_case_id(workflow_input.policy), account_id=NO_ACCOUNT))
        if workflow_input.earlier:
            case.continue_from(workflow_input.earlier)
        return case

    async def put_in_force(self) -> None:
        """Make the version that was agreed to the one that new invoices follow."""
        put = PolicyAdoptionActivities.put_in_force
        result = await workflow.execute_activity_method(put, self.case.build_force_order(), **SHORT_ACTIVITY_OPTIONS)
        self.case.apply_force_result(result, self.session.now)

    async def move_next_invoices(self) -> None:
        """Tell the next batch; once all were told, look from time to time how many have not gone on by the policy yet."""
        if self.case.is_round_over:
            await workflow.sleep(CHECK_INTERVAL)
        batch = self.case.build_next_batch()
        result = await workflow.execute_activity_method(PolicyAdoptionActivities.move_invoices, batch, **MOVE_INVOICES_OPTIONS)
        self.case.apply_batch(result, self.session.now)

    # --- what people ask: as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def adopt(self, command: RequestPolicyAdoption) -> CommandReceipt:
        return await self.session.apply_command(command)

    @adopt.validator
    def _check_request(self, command: RequestPolicyAdoption) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def adoption_wanted(self, command: RequestPolicyAdoption) -> None:
        self.session.apply_signalled_command(command)

    # --- what other cases and machines report

    @workflow.signal
    def approval_came(self, outcome: ApprovalOutcome) -> None:
        self.case.apply_approval_outcome(outcome, self.session.now)

    @workflow.signal
    async def decided(self, decision: DecideApproval) -> None:
        """Forward a decision that was sent without the approval's id."""
        number = self.case.last_number(APPROVAL_SEQUENCE) if self.case.stage is AdoptionStage.APPROVAL else None
        await self.session.forward_decision(decision, number)

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
