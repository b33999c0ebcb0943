"""Erases an account's personal details, and writes down that it was done."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.account_erasure import AccountErasing
    from domain import identifiers as ids
    from domain.case.case_view import CaseView
    from domain.case.command import Receipt
    from domain.clock import Clock
    from domain.erasure.commands import EraseAccount
    from domain.erasure.erasure_case import ErasureCase
    from domain.erasure.view import view
    from domain.erasure.workflow_input import ErasureOpening
    from domain.journal.journal import Journal

from workflows.case_runtime.activity_options import FRAME
from workflows.case_runtime.case_session import CaseDesk


@workflow.defn
class Erasing:
    """One account. It ends as soon as every erasure that was asked for is answered; a later one follows its chain."""

    @workflow.init
    def __init__(self, opening: ErasureOpening) -> None:
        self.case = ErasureCase(journal=Journal(case_id=ids.erasure_case(opening.account_id), account_id=opening.account_id))
        if opening.earlier:
            self.case.take_up(opening.earlier)
        self.desk = CaseDesk(self.case, opening.clock, lambda run_id: view(self.case, run_id))

    @workflow.run
    async def run(self, opening: ErasureOpening) -> None:
        await self.desk.wait_for_a_reason(lambda: self.case.asked)
        await self.desk.finish()

    @workflow.update
    async def erase(self, act: EraseAccount) -> Receipt:
        return await self._carry_out(act)

    @workflow.signal
    async def erasure_wanted(self, act: EraseAccount) -> None:
        await self._carry_out(act)

    async def _carry_out(self, act: EraseAccount) -> Receipt:
        self.case.asked = True
        if not self.case.sees(act.act_id):
            return await self.desk.receipt(act.act_id, None)
        answer = await workflow.execute_activity_method(AccountErasing.erase_account, act, **FRAME)
        return await self.desk.receipt(act.act_id, self.case.hear(act, answer, self.desk.now))

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        self.desk.set_clock(clock)

    @workflow.query
    def snapshot(self) -> CaseView:
        return view(self.case, workflow.info().first_execution_run_id)
