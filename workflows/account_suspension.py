"""The suspension of one account, however many of its invoices ask for it: warned, given notice, signed off, suspended, reinstated."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.commands import DecideApproval
    from domain.approval.result import ApprovalOutcome
    from domain.billing.receivables import InvoiceUpdate, Receivable
    from domain.case.billing_results import BillingResult, ReinstatementResult, SuspensionResult
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import CommandReceipt
    from domain.clock import Clock
    from domain.correspondence.letter_outcome import LetterOutcome
    from domain.journal.entry_kinds import EntryKind
    from domain.journal.journal import Journal
    from domain.suspension.command_rules import RULES
    from domain.suspension.commands import (
        ExtendNotice,
        HandOverSuspendedAccount,
        ReinstateAccount,
        RequestApprovalAgain,
        RequestSuspension,
        ResendWarning,
        WithdrawSuspension,
    )
    from domain.suspension.events import (
        add_receivable,
        apply_approval_outcome,
        apply_billing_result,
        apply_hand_back,
        apply_reinstatement,
        apply_warning_outcome,
        apply_write_off,
        open_case,
        request_hand_over,
        set_prepaid,
        update_receivable,
    )
    from domain.suspension.state import APPROVAL_SEQUENCE, SUSPENDED_STAGES, SuspensionEnding
    from domain.suspension.suspension_case import SuspensionCase
    from domain.suspension.transitions import advance, end_case, notify_invoices
    from domain.suspension.view import build_case_view, next_step
    from domain.suspension.workflow_input import SuspensionInput

from workflows.case_runtime.case_session import CaseSession
from workflows.case_runtime.effect_dispatcher import EffectResultHandlers
from workflows.case_runtime.search_attributes import set_collector_attribute

JOINER_IS_TOLD = "joiner-is-told"
"""Patch: an invoice that joins the case of a suspended account is told that it is suspended."""


@workflow.defn
class AccountSuspension:
    """From the first invoice that asks, until the account has paid, is reinstated or written off, or the matter is dropped."""

    @workflow.init
    def __init__(self, workflow_input: SuspensionInput) -> None:
        self.case = workflow_input.case or self._create_case(workflow_input)
        self.session = CaseSession(
            self.case,
            workflow_input,
            lambda run_id: build_case_view(self.case, run_id),
            RULES,
            EffectResultHandlers(self._handle_billing_result, self.invoice_changed, account_prepaid=lambda: self.prepaid_is(True)),
        )
        if workflow_input.case is None:
            open_case(self.case, self.session.now)
            for claim in workflow_input.asking:
                add_receivable(self.case, claim, self.session.now)
            for claim in workflow_input.asking_hand_over:
                request_hand_over(self.case, claim, self.session.now)

    @workflow.run
    async def run(self, workflow_input: SuspensionInput) -> SuspensionEnding:
        await self.session.settle()
        await self.session.wait_for_first_request(lambda: bool(self.case.claims))
        if not self.case.claims:
            end_case(self.case, SuspensionEnding.WITHDRAWN, self.session.now)
        while self.case.ending is None:
            await self.session.wait_until(self.case.wakes_at())
            advance(self.case, self.session.now)
            await self.session.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.is_ended:
                await self.session.continue_as_new(workflow_input)
        await self.session.finish()
        if self.case.late or self.case.late_hand_overs:
            self.restart_for_late_requests(workflow_input)
        return self.case.ending

    def _create_case(self, workflow_input: SuspensionInput) -> SuspensionCase:
        journal = Journal(case_id=ids.suspension_case_id(workflow_input.account_id), account_id=workflow_input.account_id)
        case = SuspensionCase(journal=journal, snapshot=workflow_input.policy, prepaid=workflow_input.prepaid)
        if workflow_input.earlier:
            case.continue_from(workflow_input.earlier)
        return case

    def _handle_billing_result(self, result: BillingResult) -> None:
        match result:
            case SuspensionResult():
                apply_billing_result(self.case, result.order, result.answer, self.session.now)
            case ReinstatementResult():
                apply_reinstatement(self.case, self.session.now)

    def restart_for_late_requests(self, workflow_input: SuspensionInput) -> None:
        """Restart the case for invoices that asked while it was ending."""
        asking = {"asking": self.case.late, "asking_hand_over": self.case.late_hand_overs}
        earlier = self.case.build_earlier_run()
        workflow.continue_as_new(workflow_input.for_next_run(self.session.clock, earlier=earlier, case=None, **asking))

    # --- what machines and other cases report

    @workflow.signal
    def invoice_asks(self, claim: Receivable) -> None:
        joins_suspended = self.case.stage in SUSPENDED_STAGES and claim.invoice_id not in self.case.claims
        add_receivable(self.case, claim, self.session.now)
        if joins_suspended and workflow.patched(JOINER_IS_TOLD):
            notify_invoices(self.case, [claim.invoice_id], EntryKind.SUSPENSION_SUSPENDED)

    @workflow.signal
    def invoice_asks_hand_over(self, claim: Receivable) -> None:
        request_hand_over(self.case, claim, self.session.now)

    @workflow.signal
    def invoice_changed(self, update: InvoiceUpdate) -> None:
        update_receivable(self.case, update.receivable, self.session.now)

    @workflow.signal
    def approval_came(self, outcome: ApprovalOutcome) -> None:
        apply_approval_outcome(self.case, outcome, self.session.now)

    @workflow.signal
    def letter_news(self, outcome: LetterOutcome) -> None:
        if self.case.apply_letter_outcome(outcome, self.session.now):
            apply_warning_outcome(self.case, outcome.attempt, outcome.fate, outcome.on, self.session.now, outcome.reason)

    @workflow.signal
    def prepaid_is(self, prepaid: bool) -> None:
        set_prepaid(self.case, prepaid, self.session.now)

    @workflow.signal
    def handed_back(self, nothing: None = None) -> None:
        """Nothing is sent with it. A handler that takes no value would be called whatever is: the SDK leaves out what is beyond."""
        apply_hand_back(self.case, self.session.now)

    @workflow.signal
    def written_off(self, nothing: None = None) -> None:
        apply_write_off(self.case, self.session.now)

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

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def ask(self, command: RequestSuspension) -> CommandReceipt:
        return await self.session.apply_command(command)

    @ask.validator
    def _check_question(self, command: RequestSuspension) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def asked(self, command: RequestSuspension) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def ask_again(self, command: RequestApprovalAgain) -> CommandReceipt:
        return await self.session.apply_command(command)

    @ask_again.validator
    def _check_renewal(self, command: RequestApprovalAgain) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def asked_again(self, command: RequestApprovalAgain) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def send_warning_again(self, command: ResendWarning) -> CommandReceipt:
        return await self.session.apply_command(command)

    @send_warning_again.validator
    def _check_warning(self, command: ResendWarning) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def warning_wanted_again(self, command: ResendWarning) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def extend_notice(self, command: ExtendNotice) -> CommandReceipt:
        return await self.session.apply_command(command)

    @extend_notice.validator
    def _check_extension(self, command: ExtendNotice) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def notice_extended(self, command: ExtendNotice) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def withdraw(self, command: WithdrawSuspension) -> CommandReceipt:
        return await self.session.apply_command(command)

    @withdraw.validator
    def _check_withdrawal(self, command: WithdrawSuspension) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def withdrawn(self, command: WithdrawSuspension) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def reinstate(self, command: ReinstateAccount) -> CommandReceipt:
        return await self.session.apply_command(command)

    @reinstate.validator
    def _check_reinstatement(self, command: ReinstateAccount) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def reinstatement_wanted(self, command: ReinstateAccount) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def hand_over(self, command: HandOverSuspendedAccount) -> CommandReceipt:
        return await self.session.apply_command(command)

    @hand_over.validator
    def _check_hand_over(self, command: HandOverSuspendedAccount) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def hand_over_wanted(self, command: HandOverSuspendedAccount) -> None:
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
        return NextStep(step=next_step(self.case), due_at=self.case.wakes_at(), waiting_for=self.case.waiting_for)
