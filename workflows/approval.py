"""The one human gate: it asks the matrix's tiers one after the other, reminds, escalates, and lapses when the facts change."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.case_effects import CaseEffectActivities
    from domain import identifiers as ids
    from domain.approval.approval_case import ApprovalCase, ApprovalEnding, ApprovalView, LapseReason
    from domain.approval.command_rules import RULES, revoked_delegation_reason
    from domain.approval.commands import DecideApproval, WithdrawApprovalRequest
    from domain.approval.review import ReviewRequest
    from domain.approval.view import build_case_view
    from domain.approval.workflow_input import ApprovalInput
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import COMMAND_REJECTED, CommandReceipt
    from domain.case.effects import ReviseApproval, WithdrawApproval
    from domain.case.handler_names import SignalName
    from domain.clock import Clock
    from domain.journal.journal import Journal

from workflows.case_runtime.activity_options import SHORT_ACTIVITY_OPTIONS
from workflows.case_runtime.case_session import CaseSession
from workflows.case_runtime.effect_dispatcher import signal_case
from workflows.case_runtime.search_attributes import set_collector_attribute

REVIEWS_DECISIONS = "review-decisions"
"""Since this patch delegations are looked at when somebody decides. Histories from before it have no such activity."""


@workflow.defn
class Approval:
    """One approval, until it is decided or lapses. The case that asked is notified by the signal `approval_came`."""

    @workflow.init
    def __init__(self, workflow_input: ApprovalInput) -> None:
        self.case = workflow_input.case or self._create_case(workflow_input)
        self.session = CaseSession(self.case, workflow_input, lambda run_id: build_case_view(self.case, run_id), RULES)
        self.deciding = asyncio.Lock()  # decisions count in the order in which they came
        if workflow_input.case is None:
            self.case.open(self.session.now)

    @workflow.run
    async def run(self, workflow_input: ApprovalInput) -> ApprovalEnding:
        await self.session.settle()
        while self.case.ending is None:
            await self.session.wait_until(lambda: self.case.wakes_at)
            self.case.run_due_actions(self.session.now)
            await self.session.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.is_ended:
                await self.session.continue_as_new(workflow_input)
        await signal_case(self.case.subject.case_id, SignalName.APPROVAL_CAME, self.case.ending.build_outcome(workflow_input.number))
        await self.session.finish()
        return self.case.ending

    def _create_case(self, workflow_input: ApprovalInput) -> ApprovalCase:
        invoices = workflow_input.subject.invoice_ids
        journal = Journal(
            case_id=ids.approval_case_id(workflow_input.subject.case_id, workflow_input.number),
            account_id=workflow_input.account_id,
            invoice_id=invoices[0] if len(invoices) == 1 else None,
        )
        return ApprovalCase.create(
            journal,
            workflow_input.question,
            workflow_input.requester,
            workflow_input.subject,
            workflow_input.matrix,
            workflow_input.acting_for,
            workflow_input.also_asked,
        )

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def decide(self, command: DecideApproval) -> CommandReceipt:
        async with self.deciding:
            reason = await self.review_decision(command)
            if reason:
                raise ApplicationError(reason, type=COMMAND_REJECTED, non_retryable=True)
            return await self.session.apply_command(command)

    @decide.validator
    def _check_decision(self, command: DecideApproval) -> None:
        self.session.validate_command(command)

    @workflow.signal
    async def decided(self, command: DecideApproval) -> None:
        async with self.deciding:
            reason = await self.review_decision(command)
            if reason:
                self.session.reject_signalled_command(command, reason)
            else:
                self.session.apply_signalled_command(command)

    async def review_decision(self, command: DecideApproval) -> str | None:
        """Look once more before a decision counts: why it is refused, in words; None when it is not, or was taken before."""
        if self.session.is_known(command) or not workflow.patched(REVIEWS_DECISIONS):
            return None
        request = ReviewRequest(
            account_id=self.case.journal.account_id,
            askers=self.case.participants.askers,
            today=self.session.now.business.date(),
            delegation=command.delegation,
        )
        review = await workflow.execute_activity_method(CaseEffectActivities.review_decision, request, **SHORT_ACTIVITY_OPTIONS)
        if self.session.is_known(command):
            return None
        self.case.apply_review(review)
        reason = self.session.find_rejection_reason(command)
        return reason or (revoked_delegation_reason(command) if not review.in_force else None)

    @workflow.update
    async def withdraw(self, command: WithdrawApprovalRequest) -> CommandReceipt:
        return await self.session.apply_command(command)

    @withdraw.validator
    def _check_withdrawal(self, command: WithdrawApprovalRequest) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def withdrawn(self, command: WithdrawApprovalRequest) -> None:
        self.session.apply_signalled_command(command)

    # --- what the case that asked reports

    @workflow.signal
    def facts_changed(self, change: ReviseApproval) -> None:
        amounts = change.model_dump(include={"amount", "currency", "other_amounts"})
        question = self.case.question.model_copy(update=amounts)
        self.case.apply_request_change(question, self.session.now)

    @workflow.signal
    def lapse(self, withdrawal: WithdrawApproval) -> None:
        """Let the approval lapse. An unknown reason counts as withdrawn: a signal must never stop a workflow."""
        known = withdrawal.reason in set(LapseReason)
        self.case.lapse(LapseReason(withdrawal.reason) if known else LapseReason.WITHDRAWN, self.session.now)

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
    def approval(self) -> ApprovalView:
        return self.case.build_view()

    @workflow.query
    def waiting_for(self) -> str:
        return self.case.waiting_for

    @workflow.query
    def next_step(self) -> NextStep:
        step = None if self.case.is_ended else "decision"
        return NextStep(step=step, due_at=self.case.wakes_at, waiting_for=self.case.waiting_for)
