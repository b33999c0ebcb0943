"""What becomes of an account that was handed over: the team decides within the matrix, billing books it, and what comes back is kept."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.approval.commands import Decision
    from domain.approval.result import ApprovalNews
    from domain.billing.billing_events import Recovery
    from domain.billing.receivables import Claim, InvoiceNews
    from domain.case.billing_results import BillingWord, WrittenOff
    from domain.case.case_view import CaseView, NextStep
    from domain.case.command import Receipt
    from domain.clock import Clock
    from domain.correspondence.letter_outcome import LetterNews
    from domain.journal.journal import Journal
    from domain.write_off.commands import ProposeWriteOff
    from domain.write_off.view import next_step, view
    from domain.write_off.workflow_input import WriteOffOpening
from domain.write_off.command_rules import carry_out, refusal
from domain.write_off.write_off_case import APPROVAL, WriteOffCase
from workflows.case_runtime.case_session import CaseDesk, refuse
from workflows.case_runtime.search_attributes import show_collector


@workflow.defn
class WriteOff:
    """One account in the hands of the write-off and bad debt team, until it is paid or collected again."""

    @workflow.init
    def __init__(self, opening: WriteOffOpening) -> None:
        self.case = opening.case or self._new_case(opening)
        self.desk = CaseDesk(
            self.case, opening.clock, lambda run_id: view(self.case, run_id), self._billing_said, self.invoice_changed
        )  # fmt: skip
        if opening.case is None:
            self.case.handed_over(opening.handed_over, self.desk.now)

    @workflow.run
    async def run(self, opening: WriteOffOpening) -> None:
        await self.desk.settle()
        while not self.case.ended:
            await self.desk.wait_until(lambda: None)
            await self.desk.settle()
            if workflow.info().is_continue_as_new_suggested() and not self.case.ended:
                await self.hand_on(opening)
        await self.desk.finish()
        if self.case.late:
            after = {"clock": self.desk.clock, "earlier": self.case.leaves(), "handed_over": self.case.late, "case": None}
            workflow.continue_as_new(opening.model_copy(update=after))

    def _new_case(self, opening: WriteOffOpening) -> WriteOffCase:
        journal = Journal(case_id=ids.write_off_case(opening.account_id), account_id=opening.account_id)
        case = WriteOffCase(journal=journal)
        if opening.earlier:
            case.take_up(opening.earlier)
        return case

    def _billing_said(self, word: BillingWord) -> None:
        if isinstance(word, WrittenOff):
            self.case.billing_booked(word.invoice_id, word.amount, self.desk.now)

    async def hand_on(self, opening: WriteOffOpening) -> None:
        """Go on in a new run, with the same state and a short history."""
        await self.desk.finish(for_good=False)
        workflow.continue_as_new(opening.model_copy(update={"clock": self.desk.clock, "case": self.case}))

    # --- what machines and other cases report

    @workflow.signal
    def handed_over(self, claims: list[Claim]) -> None:
        self.case.handed_over(claims, self.desk.now)

    @workflow.signal
    def invoice_changed(self, news: InvoiceNews) -> None:
        self.case.hear_of(news.claim, self.desk.now)

    @workflow.signal
    def recovered(self, recovery: Recovery) -> None:
        self.case.recovered(recovery, self.desk.now)

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
        await self.desk.hand_on(decision, self.case.number(APPROVAL) if self.case.approval_open else None)

    # --- what people do: as an update, and as the signal that stands in for it when no worker answers in time

    @workflow.update
    async def propose(self, act: ProposeWriteOff) -> Receipt:
        return await self.desk.receipt(act.act_id, carry_out(self.case, act, self.desk.now))

    @propose.validator
    def _check_proposal(self, act: ProposeWriteOff) -> None:
        refuse(refusal(self.case, act))

    @workflow.signal
    def proposed(self, act: ProposeWriteOff) -> None:
        carry_out(self.case, act, self.desk.now)

    # --- what managers ask

    @workflow.query
    def snapshot(self) -> CaseView:
        return view(self.case, workflow.info().first_execution_run_id)

    @workflow.query
    def waiting_for(self) -> str:
        return self.case.waiting_for

    @workflow.query
    def next_step(self) -> NextStep:
        return NextStep(step=next_step(self.case), due_at=None, waiting_for=self.case.waiting_for)
