"""Checks that every open case has a running workflow, and begins those again that have none."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.case_check import CaseCheckActivities, CaseCheckResult

from workflows.case_runtime.activity_options import CHECK_CASES_OPTIONS


@workflow.defn
class StandingCheck:
    """Started by a schedule, never twice at a time; were it started twice all the same, a case would still be begun once."""

    @workflow.run
    async def run(self) -> CaseCheckResult:
        return await workflow.execute_activity_method(CaseCheckActivities.check_cases, **CHECK_CASES_OPTIONS)
