"""Seals the journal once a business day, and writes it down in a chain of its own, which the next seal covers."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.daily_seal import Sealing
    from domain.audit.seal import Seal
    from domain.audit.seal_case import new_seal_case, view

from workflows.case_runtime.activity_options import DELIVER_EVENTS, NOTIFY
from workflows.case_runtime.case_session import CaseDesk


@workflow.defn
class DailySeal:
    """Started by a schedule. What the day was sealed with."""

    @workflow.run
    async def run(self) -> Seal:
        made = await workflow.execute_activity_method(Sealing.make_seal, **DELIVER_EVENTS)
        if not made.told_of:
            case = new_seal_case()
            desk = CaseDesk(case, made.clock, lambda run_id: view(case, run_id))
            case.sealed(made.seal, desk.now)
            await desk.settle()
        with suppress(ActivityError):
            await workflow.execute_activity_method(Sealing.mail_seal, made.seal, **NOTIFY)
        return made.seal
