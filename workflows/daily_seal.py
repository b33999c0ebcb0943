"""Seals the journal once a business day, and writes it down in a chain of its own, which the next seal covers."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.daily_seal import DailySealActivities
    from domain.audit.seal import Seal
    from domain.audit.seal_case import build_case_view, create_seal_case
    from domain.case.workflow_input import CaseInput

from workflows.case_runtime.activity_options import DELIVER_EVENTS_OPTIONS, NOTIFY_OPTIONS
from workflows.case_runtime.case_session import CaseSession


@workflow.defn
class DailySeal:
    """Started by a schedule. What the day was sealed with."""

    @workflow.run
    async def run(self) -> Seal:
        made = await workflow.execute_activity_method(DailySealActivities.make_seal, **DELIVER_EVENTS_OPTIONS)
        if not made.told_of:
            case = create_seal_case()
            # The day has been sealed by an activity, whose command keeps the task of this write apart in any replay.
            session = CaseSession(case, CaseInput(clock=made.clock), lambda run_id: build_case_view(case, run_id))
            case.record_seal(made.seal, session.now)
            await session.settle()
        with suppress(ActivityError):
            await workflow.execute_activity_method(DailySealActivities.mail_seal, made.seal, **NOTIFY_OPTIONS)
        return made.seal
