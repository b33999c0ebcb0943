"""Erases an account's personal details, and writes down that it was done."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.account_erasure import AccountErasureActivities
    from domain import identifiers as ids
    from domain.case.case_view import CaseView
    from domain.case.command import CommandReceipt
    from domain.clock import Clock
    from domain.erasure.commands import EraseAccount
    from domain.erasure.erasure_case import ErasureCase
    from domain.erasure.view import build_case_view
    from domain.erasure.workflow_input import ErasureInput
    from domain.journal.journal import Journal

from workflows.case_runtime.activity_options import SHORT_ACTIVITY_OPTIONS
from workflows.case_runtime.case_session import CaseSession


@workflow.defn
class Erasing:
    """The erasure of one account's personal details. It ends once every requested erasure is answered; a later one follows its chain."""

    @workflow.init
    def __init__(self, workflow_input: ErasureInput) -> None:
        self.case = ErasureCase(
            journal=Journal(case_id=ids.erasure_case_id(workflow_input.account_id), account_id=workflow_input.account_id)
        )
        if workflow_input.earlier:
            self.case.continue_from(workflow_input.earlier)
        self.session = CaseSession(self.case, workflow_input, lambda run_id: build_case_view(self.case, run_id))

    @workflow.run
    async def run(self, workflow_input: ErasureInput) -> None:
        await self.session.wait_for_first_request(lambda: self.case.asked)
        await self.session.finish()

    @workflow.update
    async def erase(self, command: EraseAccount) -> CommandReceipt:
        return await self._apply_command(command)

    @workflow.signal
    async def erasure_wanted(self, command: EraseAccount) -> None:
        await self._apply_command(command)

    async def _apply_command(self, command: EraseAccount) -> CommandReceipt:
        self.case.asked = True
        if not self.case.mark_seen(command.act_id):
            return await self.session.await_receipt(command.act_id, None)
        answer = await workflow.execute_activity_method(AccountErasureActivities.erase_account, command, **SHORT_ACTIVITY_OPTIONS)
        return await self.session.await_receipt(command.act_id, self.case.apply_result(command, answer, self.session.now))

    @workflow.signal
    def clock_set(self, clock: Clock) -> None:
        self.session.set_clock(clock)

    @workflow.query
    def snapshot(self) -> CaseView:
        return self.session.build_view()
