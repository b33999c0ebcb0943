"""Holds every call of a client against the Temporal server's limits, before it is made."""

from datetime import timedelta
from typing import Any

from temporalio.client import (
    CreateScheduleInput,
    DescribeWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    ScheduleHandle,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    StartWorkflowUpdateWithStartInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.service import RPCError

from adapters.temporal.server_limits import CrowdedRunError, check_id, check_search_attributes

SIGNALS_PER_LOOK = 500
"""After how many signals to one workflow its run is looked at: a look for each would double the calls."""

MAX_EVENTS = 9_000
"""A run with more events gets no further signal: a server takes 10,000 signals a run, and each is an event. A case that keeps up goes on
in a new run long before."""

MAX_COUNTED_WORKFLOWS = 10_000


class ServerLimitGuard(Interceptor):
    """For every client. Its calls raise ServerLimitError for what is too long, CrowdedRunError for a signal that is one too many. The
    size of arguments is the data converter's to look at, for it has them encoded. `task_timeout`: of the workflows that it starts; None:
    the server's own."""

    def __init__(self, task_timeout: timedelta | None = None) -> None:
        self._task_timeout = task_timeout

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _GuardedCalls(next, self._task_timeout)


class _GuardedCalls(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, task_timeout: timedelta | None) -> None:
        super().__init__(next)
        self._task_timeout = task_timeout
        self._signals: dict[str, int] = {}

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        check_id("the workflow's id", input.id)
        check_search_attributes(input.search_attributes)
        if input.start_signal is not None:
            check_id("the signal's name", input.start_signal)
            await self._count_signal(input.id)
        if self._task_timeout:
            input.task_timeout = input.task_timeout or self._task_timeout
        return await super().start_workflow(input)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:
        check_id("the workflow's id", input.id)
        check_id("the signal's name", input.signal)
        await self._count_signal(input.id)
        await super().signal_workflow(input)

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:
        check_id("the workflow's id", input.id)
        check_id("the update's id", input.update_id or "")
        return await super().start_workflow_update(input)

    async def start_update_with_start_workflow(self, input: StartWorkflowUpdateWithStartInput) -> WorkflowUpdateHandle[Any]:
        check_id("the workflow's id", input.start_workflow_input.id)
        check_search_attributes(input.start_workflow_input.search_attributes)
        check_id("the update's id", input.update_workflow_input.update_id or "")
        if self._task_timeout:
            input.start_workflow_input.task_timeout = input.start_workflow_input.task_timeout or self._task_timeout
        return await super().start_update_with_start_workflow(input)

    async def create_schedule(self, input: CreateScheduleInput) -> ScheduleHandle:
        check_id("the schedule's id", input.id)
        return await super().create_schedule(input)

    async def _count_signal(self, workflow_id: str) -> None:
        """Raises CrowdedRunError."""
        count = self._signals.get(workflow_id, 0) + 1
        if count % SIGNALS_PER_LOOK == 0 and await self._is_crowded(workflow_id):
            raise CrowdedRunError(f"{workflow_id} has more to read than it can keep up with; send the same again in a few minutes")
        if len(self._signals) >= MAX_COUNTED_WORKFLOWS and workflow_id not in self._signals:
            self._signals.clear()
        self._signals[workflow_id] = count

    async def _is_crowded(self, workflow_id: str) -> bool:
        """Whether the run has so many events that the server may take no further signal; one that cannot be looked at is not."""
        look = DescribeWorkflowInput(id=workflow_id, run_id=None, rpc_metadata={}, rpc_timeout=None)
        try:
            return (await self.next.describe_workflow(look)).history_length > MAX_EVENTS
        except RPCError:
            return False
