"""The runs that Temporal's time-skipping server has. It knows no visibility queries, only the older lists."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from temporalio.api.filter.v1 import WorkflowExecutionFilter
from temporalio.api.workflowservice.v1 import ListClosedWorkflowExecutionsRequest, ListOpenWorkflowExecutionsRequest
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from adapters.audit.histories.archive import has_ended
from adapters.temporal.visibility import ARCHIVED_TYPES, ListedRun


class TimeSkippingRuns:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def list_closed_runs(self, since: datetime | None) -> AsyncIterator[ListedRun]:
        request = ListClosedWorkflowExecutionsRequest(namespace=self._client.namespace)
        answer = await self._client.workflow_service.list_closed_workflow_executions(request)
        for run in answer.executions:
            if run.type.name in ARCHIVED_TYPES:
                yield ListedRun(run.execution.workflow_id, run.execution.run_id, run.close_time.ToDatetime(UTC))

    async def list_account_runs(self, account_id: str) -> AsyncIterator[ListedRun]:
        """That server does not tell search attributes."""
        for run in list[ListedRun]():
            yield run

    async def list_case_runs(self, case_id: str) -> AsyncIterator[ListedRun]:
        of = WorkflowExecutionFilter(workflow_id=case_id)
        request = ListClosedWorkflowExecutionsRequest(namespace=self._client.namespace, execution_filter=of)
        for run in (await self._client.workflow_service.list_closed_workflow_executions(request)).executions:
            yield ListedRun(run.execution.workflow_id, run.execution.run_id, None)
        async for open_run in self._open(of):
            yield open_run

    async def list_running_cases(self) -> AsyncIterator[str]:
        async for run in self._open():
            yield run.workflow_id

    async def list_stuck_cases(self) -> AsyncIterator[str]:
        """That server does not tell."""
        for case_id in list[str]():
            yield case_id

    async def _open(self, of: WorkflowExecutionFilter | None = None) -> AsyncIterator[ListedRun]:
        request = ListOpenWorkflowExecutionsRequest(namespace=self._client.namespace, execution_filter=of)
        for run in (await self._client.workflow_service.list_open_workflow_executions(request)).executions:
            yield ListedRun(run.execution.workflow_id, run.execution.run_id, None)


class OpenTimeSkippingRuns(TimeSkippingRuns):
    """As if it had deleted every run that has ended."""

    async def list_closed_runs(self, since: datetime | None) -> AsyncIterator[ListedRun]:
        for run in list[ListedRun]():
            yield run

    async def list_case_runs(self, case_id: str) -> AsyncIterator[ListedRun]:
        async for run in self._open(WorkflowExecutionFilter(workflow_id=case_id)):
            yield run


class EmptyRunListing:
    """A server that has deleted everything."""

    async def list_closed_runs(self, since: datetime | None) -> AsyncIterator[ListedRun]:
        for run in list[ListedRun]():
            yield run

    async def list_account_runs(self, account_id: str) -> AsyncIterator[ListedRun]:
        for run in list[ListedRun]():
            yield run

    async def list_case_runs(self, case_id: str) -> AsyncIterator[ListedRun]:
        for run in list[ListedRun]():
            yield run


class ExpiredRunsClient:
    """Stands in for a client of a server that has deleted every run."""

    def get_workflow_handle(self, workflow_id: str, run_id: str | None = None) -> "ExpiredRunsClient":
        return self

    async def fetch_history(self) -> WorkflowHistory:
        raise RPCError("workflow execution not found", RPCStatusCode.NOT_FOUND, b"")


class ExpiredClosedRunsClient:
    """Stands in for a client of a server that has deleted every run that has ended, and no other."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get_workflow_handle(self, workflow_id: str, run_id: str | None = None) -> "_KeptWhileOpen":
        return _KeptWhileOpen(self._client.get_workflow_handle(workflow_id, run_id=run_id))


class _KeptWhileOpen:
    def __init__(self, handle: WorkflowHandle[object, object]) -> None:
        self._handle = handle

    async def fetch_history(self) -> WorkflowHistory:
        history = await self._handle.fetch_history()
        if has_ended(history.events):
            raise RPCError("workflow execution not found", RPCStatusCode.NOT_FOUND, b"")
        return history
