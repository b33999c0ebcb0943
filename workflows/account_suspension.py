"""The suspension of one account, however many of its invoices ask for it: warned, given notice, signed off, suspended, reinstated."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.commands import Decision
    from domain.approval.result import ApprovalNews
    from domain.billing.receivables import Claim, InvoiceNews
    from domain.case.billing_results import BillingWord, Reinstated, SuspensionAnswer
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import Act, Receipt
    from domain.clock import Clock
    from domain.correspondence.letter_outcome import LetterNews
    from domain.journal.journal import Journal
    from domain.suspension.command_rules import carry_out, refusal
    from domain.suspension.commands import (
        AskAgain,
        AskSuspension,
        ExtendNotice,
        HandOverNow,
        Reinstate,
        SendWarningAgain,
        WithdrawSuspension,
    )
    from domain.suspension.state import APPROVAL, Ending
    from domain.suspension.suspension_case import SuspensionCase
    from domain.suspension.view import next_step, view
    from domain.suspension.workflow_input import SuspensionOpening

from workflows.case_runtime.case_session import CaseDesk, refuse
from workflows.case_runtime.search_attributes import show_collector


@workflow.defn
class AccountSuspension:
    """From the first invoice that asks, until the account has paid, is reinstated or written off, or the matter is dropped."""

    @workflow.init
    def __init__(self, opening: SuspensionOpening) -> None:
        self.case = opening.case or self._new_case(opening)
        self.desk = CaseDesk(
            self.case, opening.clock, lambda run_id: view(self.case, run_id), self._billing_said, self.invoice_changed
        )  # fmt: skip
        if opening.case is None:
            self.case.open(self.desk.now)
            for claim in opening.asking:
                self.case.join(claim, self.desk.now)
            for claim in opening.asking_hand_over:
                self.case.ask_hand_over(claim, self.desk.now)

    @workflow.run
    async def run(self, opening: SuspensionOpening) -> Ending:
        await self.desk.settle()
        await self.desk.wait_for_a_reason(lambda: bool(self.case.claims))
        if not self.case.claims:
            self.case.end(Ending.WITHDRAWN, self.desk.now)
        while self.case.ending is None:
            await self.desk.wait_until(self.case.wakes_at)
            self.case.go_on(self.desk.now)
            await self.desk.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.ended:
                await self.hand_on(opening)
        await self.desk.finish()
        if self.case.late or self.case.late_hand_overs:
            self.begin_anew(opening)
        return self.case.ending

    def _new_case(self, opening: SuspensionOpening) -> SuspensionCase:
        journal = Journal(case_id=ids.suspension_case(opening.account_id), account_id=opening.account_id)
        case = SuspensionCase(journal=journal, snapshot=opening.policy, prepaid=opening.prepaid)
        if opening.earlier:
            case.take_up(opening.earlier)
        return case

    def _billing_said(self, word: BillingWord) -> None:
        match word:
            case SuspensionAnswer():
                self.case.billing_answered(word.order, word.answer, self.desk.now)
            case Reinstated():
                self.case.billing_reinstated(self.desk.now)

    def begin_anew(self, opening: SuspensionOpening) -> None:
        """For invoices that asked when this case was just ending."""
        asking = {"asking": self.case.late, "asking_hand_over": self.case.late_hand_overs}
        after = {"clock": self.desk.clock, "earlier": self.case.leaves(), "case": None}
        workflow.continue_as_new(opening.model_copy(update=asking | after))

    async def hand_on(self, opening: SuspensionOpening) -> None:
        """Go on in a new run, with the same state and a short history."""
        await self.desk.finish(for_good=False)
        workflow.continue_as_new(opening.model_copy(update={"clock": self.desk.clock, "case": self.case}))

    # --- what machines and other cases report

    @workflow.signal
    def invoice_asks(self, claim: Claim) -> None:
        self.case.join(claim, self.desk.now)

    @workflow.signal
    def invoice_asks_hand_over(self, claim: Claim) -> None:
        self.case.ask_hand_over(claim, self.desk.now)

    @workflow.signal
    def invoice_changed(self, news: InvoiceNews) -> None:
        self.case.hear_of(news.claim, self.desk.now)

    @workflow.signal
    def approval_came(self, news: ApprovalNews) -> None:
        self.case.approval_came(news, self.desk.now)

    @workflow.signal
    def letter_news(self, news: LetterNews) -> None:
        if self.case.hear_of_letter(news, self.desk.now):
            self.case.letter_came(news.attempt, news.fate, news.on, self.desk.now, news.reason)

    @workflow.signal
    def prepaid_is(self, prepaid: bool) -> None:
        self.case.prepaid_is(prepaid, self.desk.now)

    @workflow.signal
    def handed_back(self) -> None:
        self.case.handed_back(self.desk.now)

    @workflow.signal
    def written_off(self) -> None:
        self.case.written_off(self.desk.now)

    @workflow.signal
    def collector_is(self, name: str) -> None:
        show_collector(name)

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        self.desk.set_clock(clock)

    @workflow.signal
    async def decided(self, decision: Decision) -> None:
        """For whoever does not know the approval that waits."""
        await self.desk.hand_on(decision, self.case.number(APPROVAL) if self.case.approval_open else None)

    # --- what people do: each act as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def ask(self, act: AskSuspension) -> Receipt:
        return await self._do(act)

    @ask.validator
    def _check_question(self, act: AskSuspension) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def asked(self, act: AskSuspension) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def ask_again(self, act: AskAgain) -> Receipt:
        return await self._do(act)

    @ask_again.validator
    def _check_renewal(self, act: AskAgain) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def asked_again(self, act: AskAgain) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def send_warning_again(self, act: SendWarningAgain) -> Receipt:
        return await self._do(act)

    @send_warning_again.validator
    def _check_warning(self, act: SendWarningAgain) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def warning_wanted_again(self, act: SendWarningAgain) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def extend_notice(self, act: ExtendNotice) -> Receipt:
        return await self._do(act)

    @extend_notice.validator
    def _check_extension(self, act: ExtendNotice) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def notice_extended(self, act: ExtendNotice) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def withdraw(self, act: WithdrawSuspension) -> Receipt:
        return await self._do(act)

    @withdraw.validator
    def _check_withdrawal(self, act: WithdrawSuspension) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def withdrawn(self, act: WithdrawSuspension) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def reinstate(self, act: Reinstate) -> Receipt:
        return await self._do(act)

    @reinstate.validator
    def _check_reinstatement(self, act: Reinstate) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def reinstatement_wanted(self, act: Reinstate) -> None:
        carry_out(self.case, act, self.desk.now)

    @workflow.update
    async def hand_over(self, act: HandOverNow) -> Receipt:
        return await self._do(act)

    @hand_over.validator
    def _check_hand_over(self, act: HandOverNow) -> None:
        self._refuse_what_is_ruled_out(act)

    @workflow.signal
    def hand_over_wanted(self, act: HandOverNow) -> None:
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
