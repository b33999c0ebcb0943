"""A credit review: an analyst says whether an account can pay and wants to, and looks at it anew when the time has come."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.billing.receivables import InvoiceNews
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import Act, Receipt
    from domain.clock import Clock
    from domain.correspondence.letter_outcome import LetterNews
    from domain.credit_review.command_rules import carry_out, refusal
    from domain.credit_review.commands import CloseReview, GiveVerdict, ReferAccount
    from domain.credit_review.review_case import CreditReviewCase
    from domain.credit_review.view import next_step, view
    from domain.credit_review.workflow_input import CreditReviewOpening
    from domain.journal.journal import Journal

from workflows.case_runtime.case_session import CaseDesk, refuse
from workflows.case_runtime.search_attributes import show_collector


@workflow.defn
class CreditReview:
    """One account under review, until it needs no watching any more."""

    @workflow.init
    def __init__(self, opening: CreditReviewOpening) -> None:
        self.case = opening.case or self._new_case(opening)
        self.desk = CaseDesk(self.case, opening.clock, lambda run_id: view(self.case, run_id))

    @workflow.run
    async def run(self, opening: CreditReviewOpening) -> None:
        await self.desk.settle()
        await self.desk.wait_for_a_reason(lambda: self.case.reason is not None)
        self.case.ended = self.case.reason is None
        while not self.case.ended:
            await self.desk.wait_until(self.case.wakes_at)
            self.case.let_time_pass(self.desk.now)
            await self.desk.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.ended:
                await self.hand_on(opening)
        await self.desk.finish()

    def _new_case(self, opening: CreditReviewOpening) -> CreditReviewCase:
        journal = Journal(case_id=ids.credit_review_case(opening.account_id), account_id=opening.account_id)
        case = CreditReviewCase(journal=journal, invoice_ids=opening.invoice_ids)
        if opening.earlier:
            case.take_up(opening.earlier)
        return case

    async def hand_on(self, opening: CreditReviewOpening) -> None:
        """Go on in a new run, with the same state and a short history."""
        await self.desk.finish(for_good=False)
        workflow.continue_as_new(opening.model_copy(update={"clock": self.desk.clock, "case": self.case}))

    # --- what machines and other cases report

    @workflow.signal
    def invoice_changed(self, news: InvoiceNews) -> None:
        """Of an invoice that was issued since, this is the first word."""
        if not news.facts.settled:
            self.case.join(news.invoice_id, self.desk.now)

    @workflow.signal
    def letter_news(self, news: LetterNews) -> None:
        self.case.hear_of_letter(news, self.desk.now)

    @workflow.signal
    def collector_is(self, name: str) -> None:
        show_collector(name)

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        self.desk.set_clock(clock)

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def refer(self, act: ReferAccount) -> Receipt:
        return await self._do(act)

    @refer.validator
    def _check_referral(self, act: ReferAccount) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def referred(self, act: ReferAccount) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def give_verdict(self, act: GiveVerdict) -> Receipt:
        return await self._do(act)

    @give_verdict.validator
    def _check_verdict(self, act: GiveVerdict) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def verdict_given(self, act: GiveVerdict) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def close(self, act: CloseReview) -> Receipt:
        return await self._do(act)

    @close.validator
    def _check_closing(self, act: CloseReview) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def closed(self, act: CloseReview) -> None:
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
        return self.case.waiting_for

    @workflow.query
    def next_step(self) -> NextStep:
        return NextStep(step=next_step(self.case), due_at=self.case.wakes_at(), waiting_for=self.case.waiting_for)
