"""A credit review: an analyst says whether an account can pay and wants to, and looks at it anew when the time has come."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.billing.receivables import InvoiceUpdate
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import CommandReceipt
    from domain.clock import Clock
    from domain.correspondence.letter_outcome import LetterOutcome
    from domain.credit_review.command_rules import RULES
    from domain.credit_review.commands import CloseCreditReview, GiveCreditVerdict, ReferAccount
    from domain.credit_review.review_case import CreditReviewCase
    from domain.credit_review.view import build_case_view, next_step
    from domain.credit_review.workflow_input import CreditReviewInput
    from domain.journal.journal import Journal

from workflows.case_runtime.case_session import CaseSession
from workflows.case_runtime.search_attributes import set_collector_attribute


@workflow.defn
class CreditReview:
    """One account under review, until it needs no watching any more."""

    @workflow.init
    def __init__(self, workflow_input: CreditReviewInput) -> None:
        self.case = workflow_input.case or self._create_case(workflow_input)
        self.session = CaseSession(self.case, workflow_input, lambda run_id: build_case_view(self.case, run_id), RULES)

    @workflow.run
    async def run(self, workflow_input: CreditReviewInput) -> None:
        await self.session.settle()
        await self.session.wait_for_first_request(lambda: self.case.reason is not None)
        self.case.ended = self.case.reason is None
        while not self.case.ended:
            await self.session.wait_until(self.case.wakes_at())
            self.case.run_due_actions(self.session.now)
            await self.session.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.ended:
                await self.session.continue_as_new(workflow_input)
        await self.session.finish()

    def _create_case(self, workflow_input: CreditReviewInput) -> CreditReviewCase:
        journal = Journal(case_id=ids.credit_review_case_id(workflow_input.account_id), account_id=workflow_input.account_id)
        case = CreditReviewCase(journal=journal, invoice_ids=workflow_input.invoice_ids)
        if workflow_input.earlier:
            case.continue_from(workflow_input.earlier)
        return case

    # --- what machines and other cases report

    @workflow.signal
    def invoice_changed(self, update: InvoiceUpdate) -> None:
        """Add the invoice to the review unless it is settled: one that was issued since reports itself by its first update."""
        if not update.facts.is_settled:
            self.case.add_invoice(update.invoice_id, self.session.now)

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
    async def refer(self, command: ReferAccount) -> CommandReceipt:
        return await self.session.apply_command(command)

    @refer.validator
    def _check_referral(self, command: ReferAccount) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def referred(self, command: ReferAccount) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def give_verdict(self, command: GiveCreditVerdict) -> CommandReceipt:
        return await self.session.apply_command(command)

    @give_verdict.validator
    def _check_verdict(self, command: GiveCreditVerdict) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def verdict_given(self, command: GiveCreditVerdict) -> None:
        self.session.apply_signalled_command(command)

    @workflow.update
    async def close(self, command: CloseCreditReview) -> CommandReceipt:
        return await self.session.apply_command(command)

    @close.validator
    def _check_closing(self, command: CloseCreditReview) -> None:
        self.session.validate_command(command)

    @workflow.signal
    def closed(self, command: CloseCreditReview) -> None:
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
