"""Checks that every open case has a running workflow."""

from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.case_check.case_checker import CaseChecker, CaseCheckResult

__all__ = ["CaseCheckActivities", "CaseCheckResult"]


class CaseCheckActivities:
    def __init__(self, checker: CaseChecker) -> None:
        self._checker = checker

    @activity.defn
    async def check_cases(self) -> CaseCheckResult:
        """Safe to repeat: what was begun again runs then."""
        async with heartbeating():
            return await self._checker.check(activity.info().started_time)
