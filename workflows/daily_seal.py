"""Seals the journal once a business day, and writes it down in a chain of its own, which the next seal covers."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.sealing import Sealing
    from domain.seal_case import new_seal_case, view
    from domain.seals import Seal

from workflows.case_desk import CaseDesk
from workflows.options import DELIVER_EVENTS, NOTIFY


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
