"""Watches what workers do: an activity that fails again and again is set aside, so that nobody waits for it in silence."""

import asyncio
from contextlib import suppress
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from adapters.set_aside.set_aside_store import Failure, SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain import identifiers as ids

ATTEMPTS_BEFORE_ALARM = 3
"""Fewer may be a server that restarts."""

SCHEDULED_WORKFLOWS = frozenset(
    {
        ids.WorkflowName.CORRESPONDENCE_RUN,
        ids.WorkflowName.BILLING_SYNC,
        ids.WorkflowName.CONNECTED_SYSTEMS,
        ids.WorkflowName.COMPARED_SYSTEMS,
        ids.WorkflowName.REFERRALS,
        ids.WorkflowName.DAILY_SEAL,
        ids.WorkflowName.HISTORY_ARCHIVE,
        ids.WorkflowName.APPROVAL_DIGEST,
        ids.WorkflowName.STANDING_CHECK,
    }
)


class FailureWatch(Interceptor):
    """For every worker. An activity is tried again by its own retry policy; this only says that it fails, and when it no longer does."""

    def __init__(self, store: SetAsideStore) -> None:
        self._store = store

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _WatchedActivity(next, self._store)


class _WatchedActivity(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, store: SetAsideStore) -> None:
        super().__init__(next)
        self._store = store

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        stage, item_id = _name_work(info)
        try:
            result = await super().execute_activity(input)
        except Exception as error:
            if isinstance(error, ApplicationError) and error.category is ApplicationErrorCategory.BENIGN:
                if info.attempt > 1:  # nothing fails any more: it waits
                    await self._settle(stage, item_id)
                raise
            is_final = isinstance(error, ApplicationError) and error.non_retryable
            if info.attempt >= ATTEMPTS_BEFORE_ALARM or (is_final and stage is SetAsideStage.SCHEDULE):
                await self._note(stage, item_id, error)
            raise
        if info.attempt > 1 or stage is SetAsideStage.SCHEDULE:
            await self._settle(stage, item_id)
        return result

    async def _note(self, stage: SetAsideStage, item_id: str, error: Exception) -> None:
        """Best effort: where the database itself is away, readiness says so."""
        with suppress(Exception):
            await asyncio.to_thread(self._store.set_aside, stage, item_id, Failure(error))

    async def _settle(self, stage: SetAsideStage, item_id: str) -> None:
        with suppress(Exception):
            if item_id in await asyncio.to_thread(self._store.list_waiting, stage):
                await asyncio.to_thread(self._store.settle, stage, {item_id})


def _name_work(info: activity.Info) -> tuple[SetAsideStage, str]:
    if info.workflow_type in SCHEDULED_WORKFLOWS:
        return SetAsideStage.SCHEDULE, f"{info.workflow_type}:{info.activity_type}"
    return SetAsideStage.CASE_WORK, f"{info.workflow_id}:{info.activity_type}"
