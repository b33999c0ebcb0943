"""The one human gate: it asks the matrix's tiers one after the other, reminds, escalates, and lapses when the facts change."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.approvals import ApprovalActivities
    from domain import identifiers as ids
    from domain.approval.approval_case import ApprovalCase, ApprovalEnding, ApprovalView
    from domain.approval.command_rules import RULES, revoked_delegation_reason
    from domain.approval.commands import DecideApproval, WithdrawApprovalRequest
    from domain.approval.facts import StaleFacts
    from domain.approval.result import LapseReason
    from domain.approval.review import DecisionReview
    from domain.approval.revision import apply_revision, build_review_request, find_stale_facts, find_unreported_changes
    from domain.approval.view import build_case_view
    from domain.approval.workflow_input import ApprovalInput
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import FACTS_CHANGED, CommandReceipt
    from domain.case.effects import ReviseApproval, WithdrawApproval
    from domain.case.handler_names import SignalName
    from domain.clock import Clock
    from domain.journal.journal import Journal
    from domain.policy.approval_type import ApprovalType

from workflows.case_runtime.activity_options import SHORT_ACTIVITY_OPTIONS
from workflows.case_runtime.case_session import CaseSession, build_rejection_error
from workflows.case_runtime.effect_dispatcher import signal_case
from workflows.case_runtime.search_attributes import set_collector_attribute

REVIEWS_DECISIONS = "review-decisions"
"""Since this patch delegations are looked at when somebody decides. Histories from before it have no such activity."""

ACCOUNT_WIDE = (ApprovalType.SUSPENSION_WARNING, ApprovalType.SUSPENSION, ApprovalType.WRITE_OFF)
"""What is asked for an account, though it be for one invoice so far."""


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
            await self.session.wait_until(self.case.wakes_at, lambda: self.case.pending_revision is not None)
            await self.revise()
            self.case.run_due_actions(self.session.now)
            await self.session.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.is_ended:
                await self.session.continue_as_new(workflow_input)
        await signal_case(self.case.subject.case_id, SignalName.APPROVAL_CAME, self.case.build_outcome(workflow_input.number))
        await self.session.finish()
        return self.case.ending

    def _create_case(self, workflow_input: ApprovalInput) -> ApprovalCase:
        invoices, is_account_wide = workflow_input.subject.invoice_ids, workflow_input.question.matter in ACCOUNT_WIDE
        if is_account_wide and workflow_input.facts:
            invoices = []  # others may join
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
            workflow_input.facts,
        )

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def decide(self, command: DecideApproval) -> CommandReceipt:
        async with self.deciding:
            rejection = await self.review_decision(command)
            if rejection:
                raise rejection
            return await self.session.apply_command(command)

    @decide.validator
    def _check_decision(self, command: DecideApproval) -> None:
        rejection = self.build_rejection(command)
        if rejection and not self.session.is_known(command):
            raise rejection

    @workflow.signal
    async def decided(self, command: DecideApproval) -> None:
        async with self.deciding:
            rejection = await self.review_decision(command)
            if rejection:
                self.session.reject_signalled_command(command, rejection.message)
            else:
                self.session.apply_signalled_command(command)

    async def review_decision(self, command: DecideApproval) -> ApplicationError | None:
        """Look once more before a decision counts: why it is refused; None when it is not, or was taken before."""
        if self.session.is_known(command) or not workflow.patched(REVIEWS_DECISIONS):
            return None
        review = await self.read_when_revised(command)
        if self.session.is_known(command):
            return None
        if command.facts_version is None:
            self.case.apply_review(review)
        else:
            apply_revision(self.case, None, review, self.session.now)
        if not review.in_force and not self.session.find_rejection_reason(command):
            return build_rejection_error(revoked_delegation_reason(command))
        return self.build_rejection(command, find_unreported_changes(self.case, command, review))

    def build_rejection(self, command: DecideApproval, unreported: StaleFacts | None = None) -> ApplicationError | None:
        """Why a decision is refused, with the difference where it was made on other facts; None when it is not."""
        reason, stale = self.session.find_rejection_reason(command), find_stale_facts(self.case, command) or unreported
        if stale and reason in (None, stale.reason):
            return ApplicationError(str(stale.reason), stale, type=FACTS_CHANGED, non_retryable=True)
        return build_rejection_error(reason) if reason else None

    async def read_again(self, command: DecideApproval | None = None) -> DecisionReview:
        request = build_review_request(self.case, self.session.now.business.date(), command)
        return await workflow.execute_activity_method(ApprovalActivities.review_decision, request, **SHORT_ACTIVITY_OPTIONS)

    async def read_when_revised(self, command: DecideApproval) -> DecisionReview:
        """What counts for a decision, when nothing that was reported is still to be taken in."""
        while True:
            await workflow.wait_condition(lambda: self.case.pending_revision is None or self.case.is_ended)
            review = await self.read_again(command)
            if self.case.pending_revision is None or self.case.is_ended:
                return review

    async def revise(self) -> None:
        """Take in what the case that asked has reported last; what it reports meanwhile takes its place."""
        while (change := self.case.pending_revision) and not self.case.is_ended:
            review = await self.read_again()
            if self.case.pending_revision is change:
                apply_revision(self.case, change, review, self.session.now)

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
        if self.case.facts is not None:
            self.case.pending_revision = change
            return
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
