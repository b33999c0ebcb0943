"""List the runs that the Temporal server has, from its visibility store, which lags behind by moments."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple, Protocol

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from adapters.temporal.client import CASE_WORKFLOWS, OPEN_CASES_QUERY
from domain.identifiers import WorkflowName

ARCHIVED_TYPES = (*CASE_WORKFLOWS, WorkflowName.DAILY_SEAL)
"""The workflows that write a journal. The database has all that the others' histories contain."""


class ListedRun(NamedTuple):
    """A run. `closed_at` is real time; None: the run is open. `run_id` is None for the latest run of the workflow."""

    workflow_id: str
    run_id: str | None
    closed_at: datetime | None


class RunListing(Protocol):
    """Lists runs. Methods raise RPCError when the server does not answer."""

    def list_closed_runs(self, since: datetime | None) -> AsyncIterator[ListedRun]:
        """List the runs that write a journal and have ended since then, in real time; None: all that have ended."""

    def list_account_runs(self, account_id: str) -> AsyncIterator[ListedRun]:
        """List the runs of all cases of an account."""
        ...

    def list_case_runs(self, case_id: str) -> AsyncIterator[ListedRun]:
        """List the runs of a case."""
        ...


class VisibilityRunListing:
    """The list of the server's visibility store."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list_closed_runs(self, since: datetime | None) -> AsyncIterator[ListedRun]:
        types = ", ".join(repr(name.value) for name in ARCHIVED_TYPES)
        ended = f'CloseTime >= "{since.isoformat()}"' if since else "CloseTime IS NOT NULL"
        return self._query_runs(f"WorkflowType IN ({types}) AND {ended}")

    def list_account_runs(self, account_id: str) -> AsyncIterator[ListedRun]:
        return self._query_runs(f"DuecourseAccount = {_quote(account_id)}")

    def list_case_runs(self, case_id: str) -> AsyncIterator[ListedRun]:
        return self._query_runs(f"WorkflowId = {_quote(case_id)}")

    async def list_running_cases(self) -> AsyncIterator[str]:
        """Yield the ids of the cases that run."""
        async for run in self._query_runs(OPEN_CASES_QUERY):
            yield run.workflow_id

    async def list_stuck_cases(self) -> AsyncIterator[str]:
        """Yield the ids of the cases of which workflow tasks fail one after the other. Servers before 1.30 name none."""
        try:
            async for run in self._query_runs(f"{OPEN_CASES_QUERY} AND TemporalReportedProblems IS NOT NULL"):
                yield run.workflow_id
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise

    async def _query_runs(self, query: str) -> AsyncIterator[ListedRun]:
        async for execution in self._client.list_workflows(query):
            yield ListedRun(execution.id, execution.run_id, execution.close_time)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
