"""Send a person's command to a case: as an update when a worker answers in time, otherwise as a signal.

Both carry the command's id, which the case remembers: whichever arrives, and however often, the command is applied once.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.temporal.case_start import CaseStart, load_starting_command_id, signal_with_start, start_case, update_with_start
from adapters.temporal.client import has_workers
from adapters.temporal.handler_names import QUERY_NAMES, SIGNAL_NAMES, UPDATE_NAMES
from adapters.temporal.schedules import trigger_billing_sync, trigger_schedule
from domain import identifiers as ids
from domain.approval.facts import StaleFacts
from domain.case.case_view import CaseView
from domain.case.command import COMMAND_REJECTED, FACTS_CHANGED, Command, CommandReceipt
from domain.case.handler_names import QueryName
from domain.errors import UserError
from domain.refusal import Refusal, RefusalFacts

UPDATE_TIMEOUT_SECONDS = 5.0
"""The time for which a person waits for a worker. The SDK's own hidden retries would last 15 s."""
QUERY_TIMEOUT_SECONDS = 3.0
TASK_POLL_SECONDS = 0.02
SERVER_TIMEOUT_SECONDS = 2.0

UNREACHABLE_ERRORS = (TimeoutError, RPCError, RuntimeError)
"""The errors of a server that does not answer; the SDK raises RuntimeError when it cannot connect at all."""


class CommandRejected(UserError):
    """The case's validator rejects the command; the message is its reason."""

    title = "The case's state rules this out"
    status = 409
    problem_type = "refused"


class FactsHaveChanged(CommandRejected):
    """The decision was made on other facts than those that count now; the problem document has the difference."""

    title = "The facts have changed since they were read"
    problem_type = "facts-changed"
    stale: StaleFacts | None = None

    def __init__(self, message: str, stale: StaleFacts) -> None:
        super().__init__(message)
        self.stale = stale

    @property
    def extensions(self) -> dict[str, object]:
        return self.stale.model_dump(mode="json", exclude={"changes": {"__all__": {"was"}}}) if self.stale else {}


class CaseNotRunning(Exception):
    """No open workflow runs this case."""


class CaseAlreadyOpen(Exception):
    """Another case has taken that id in the meantime."""


class CasesUnreachable(UserError):
    """Neither update nor signal got through; nothing is known to be recorded."""

    title = "Temporal does not answer"
    status = 503
    problem_type = "unreachable"

    def __init__(self) -> None:
        super().__init__(
            "Temporal does not answer, so that nothing may be recorded; send the same again in a moment, under the same Idempotency-Key"
        )


@dataclass(frozen=True)
class CommandQueued:
    """No worker answered in time: the command waits in the case's history and is applied once."""

    act_id: str


class CaseCommands(Protocol):
    """The operations of the API on running cases."""

    async def submit_invoice_command(self, invoice_id: str, command: Command) -> CommandReceipt | CommandQueued:
        """Submit a command to an invoice's case. Raises CommandRejected, CaseNotRunning, CasesUnreachable."""
        ...

    async def queue_invoice_command(self, invoice_id: str, command: Command) -> CommandQueued:
        """Leave a command with an invoice's case without waiting for a worker, as where none answered just now; refused or not, its journal
        says it. Raises CaseNotRunning, CasesUnreachable."""
        ...

    async def submit_command(self, case_id: str, command: Command) -> CommandReceipt | CommandQueued:
        """Submit a command to any case. Raises CommandRejected, CaseNotRunning, CasesUnreachable."""
        ...

    async def start_case(self, case_start: CaseStart, act_id: str) -> CommandReceipt | CommandQueued:
        """Start a case of an id that none has had; CommandQueued when no worker started it in time.

        Raises CaseAlreadyOpen, CasesUnreachable.
        """
        ...

    async def submit_or_start_case(self, case_start: CaseStart, command: Command) -> CommandReceipt | CommandQueued:
        """Submit a command to the open case of that id, started where there is none.

        Raises CommandRejected, CaseNotRunning, CasesUnreachable.
        """
        ...

    async def query_invoice_case(self, invoice_id: str) -> CaseView | None:
        """Query the case's view from its workflow; None when no worker answers in time or no history is left."""
        ...

    async def find_rejection_reason(self, invoice_id: str, command: Command, today: date) -> str | None:
        """Ask an invoice's case why its state rules a command out, in words, without sending it; None when it does not, or when no worker
        answers in time. `today` is the business date. Raises CaseNotRunning."""
        ...

    async def trigger_billing_sync(self) -> None:
        """Start BillingSync now, to deliver ledger events. Best effort: the schedule delivers anyway."""
        ...

    async def trigger_schedule(self, schedule_id: str) -> None:
        """Start a scheduled workflow now. Best effort: its schedule starts it anyway."""
        ...

    async def is_temporal_reachable(self) -> bool:
        """Return true when the Temporal server answers."""
        ...

    async def has_workers(self) -> bool:
        """Return whether a worker asked the server for tasks in the last minute; true where the server does not say."""
        ...


class TemporalCaseCommands:
    """The commands and queries through the Temporal client."""

    def __init__(self, client: Client, update_seconds: float = UPDATE_TIMEOUT_SECONDS, server_seconds: float | None = None) -> None:
        """`update_seconds`: the time for which a person waits for a worker, in real time; `server_seconds`: for the server to take what no
        worker answers, as long again unless it is given."""
        self._client, self._update_seconds = client, update_seconds
        self._server_seconds = server_seconds

    async def submit_invoice_command(self, invoice_id: str, command: Command) -> CommandReceipt | CommandQueued:
        return await self.submit_command(ids.invoice_case_id(invoice_id), command)

    async def queue_invoice_command(self, invoice_id: str, command: Command) -> CommandQueued:
        case_id = ids.invoice_case_id(invoice_id)
        return await self._signal_case(self._client.get_workflow_handle(case_id), case_id, command)

    async def submit_command(self, case_id: str, command: Command) -> CommandReceipt | CommandQueued:
        case = self._client.get_workflow_handle(case_id)
        try:
            async with asyncio.timeout(self._update_seconds):
                receipt: CommandReceipt = await case.execute_update(
                    UPDATE_NAMES[type(command)], command, id=command.act_id, result_type=CommandReceipt
                )
                return receipt
        except WorkflowUpdateFailedError as error:
            raise _convert_update_failure(error, case_id) from error
        except (WorkflowUpdateRPCTimeoutOrCancelledError, *UNREACHABLE_ERRORS) as error:
            if _is_not_found(error):
                raise CaseNotRunning(case_id) from error
            return await self._signal_case(case, case_id, command)

    async def _signal_case(self, case: WorkflowHandle[object, object], case_id: str, command: Command) -> CommandQueued:
        try:
            async with asyncio.timeout(self._server_seconds or self._update_seconds):
                await case.signal(SIGNAL_NAMES[type(command)], command)
        except UNREACHABLE_ERRORS as error:
            if _is_not_found(error):
                raise CaseNotRunning(case_id) from error
            raise CasesUnreachable from error
        return CommandQueued(command.act_id)

    async def start_case(self, case_start: CaseStart, act_id: str) -> CommandReceipt | CommandQueued:
        try:
            async with asyncio.timeout(self._server_seconds or self._update_seconds):
                await start_case(self._client, case_start, act_id)
        except WorkflowAlreadyStartedError as error:
            if not await self._was_started_by(act_id, case_start.case_id):
                raise CaseAlreadyOpen(case_start.case_id) from error
        except UNREACHABLE_ERRORS as error:
            raise CasesUnreachable from error
        view = await self._query_case_view(case_start.case_id, self._update_seconds)
        return CommandReceipt(act_id=act_id) if view else CommandQueued(act_id)

    async def _was_started_by(self, act_id: str, case_id: str) -> bool:
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_SECONDS):
                return await load_starting_command_id(self._client, case_id) == act_id
        except UNREACHABLE_ERRORS as error:
            raise CasesUnreachable from error

    async def submit_or_start_case(self, case_start: CaseStart, command: Command) -> CommandReceipt | CommandQueued:
        """Send an update together with the start; when no worker answers in time, a signal together with the start."""
        try:
            async with asyncio.timeout(self._update_seconds):
                return await update_with_start(self._client, case_start, UPDATE_NAMES[type(command)], command)
        except WorkflowUpdateFailedError as error:
            raise _convert_update_failure(error, case_start.case_id) from error
        except (WorkflowUpdateRPCTimeoutOrCancelledError, *UNREACHABLE_ERRORS):
            pass
        try:
            async with asyncio.timeout(self._server_seconds or self._update_seconds):
                await signal_with_start(self._client, case_start, SIGNAL_NAMES[type(command)], command)
        except UNREACHABLE_ERRORS as error:
            raise CasesUnreachable from error
        return CommandQueued(command.act_id)

    async def query_invoice_case(self, invoice_id: str) -> CaseView | None:
        return await self._query_case_view(ids.invoice_case_id(invoice_id), QUERY_TIMEOUT_SECONDS)

    async def find_rejection_reason(self, invoice_id: str, command: Command, today: date) -> str | None:
        case_id = ids.invoice_case_id(invoice_id)
        case = self._client.get_workflow_handle(case_id)
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_SECONDS):
                if (await case.describe()).status is not WorkflowExecutionStatus.RUNNING:
                    raise CaseNotRunning(case_id)
                await _wait_until_no_pending_task(case)
                reason: str | None = await case.query(
                    QUERY_NAMES[type(command)],
                    args=[command, today],
                    result_type=str | None,  # type: ignore[arg-type]  # the converter reads any type
                    rpc_timeout=timedelta(seconds=QUERY_TIMEOUT_SECONDS),
                )
                return reason
        except (*UNREACHABLE_ERRORS, WorkflowQueryFailedError, WorkflowQueryRejectedError) as error:
            if _is_not_found(error):
                raise CaseNotRunning(case_id) from error
            return None

    async def _query_case_view(self, case_id: str, seconds: float) -> CaseView | None:
        case = self._client.get_workflow_handle(case_id)
        try:
            async with asyncio.timeout(seconds):
                await _wait_until_no_pending_task(case)
                view: CaseView = await case.query(QueryName.SNAPSHOT, result_type=CaseView, rpc_timeout=timedelta(seconds=seconds))
                return view
        except (*UNREACHABLE_ERRORS, WorkflowQueryFailedError, WorkflowQueryRejectedError):
            return None

    async def trigger_billing_sync(self) -> None:
        with contextlib.suppress(*UNREACHABLE_ERRORS):
            async with asyncio.timeout(SERVER_TIMEOUT_SECONDS):
                await trigger_billing_sync(self._client)

    async def trigger_schedule(self, schedule_id: str) -> None:
        with contextlib.suppress(*UNREACHABLE_ERRORS):
            async with asyncio.timeout(SERVER_TIMEOUT_SECONDS):
                await trigger_schedule(self._client, schedule_id)

    async def is_temporal_reachable(self) -> bool:
        try:
            async with asyncio.timeout(SERVER_TIMEOUT_SECONDS):
                return await self._client.service_client.check_health()
        except UNREACHABLE_ERRORS:
            return False

    async def has_workers(self) -> bool:
        return await has_workers(self._client)


async def _wait_until_no_pending_task(case: WorkflowHandle[object, object]) -> None:
    """Wait until no workflow task of the case is open: a query during one would end it before the case has the result of its journal
    write, and what comes next would be replayed in another order (docs/audit.md)."""
    while (await case.describe()).raw_description.HasField("pending_workflow_task"):  # noqa: ASYNC110 - the server notifies nobody
        await asyncio.sleep(TASK_POLL_SECONDS)


def _is_not_found(error: Exception) -> bool:
    return isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND


def _convert_update_failure(error: WorkflowUpdateFailedError, case_id: str) -> CommandRejected | CaseNotRunning:
    if isinstance(error.cause, ApplicationError) and error.cause.type == "AcceptedUpdateCompletedWorkflow":
        return CaseNotRunning(case_id)
    if isinstance(error.cause, ApplicationError) and error.cause.type == FACTS_CHANGED and error.cause.details:
        stale = StaleFacts.model_validate(error.cause.details[0])
        return FactsHaveChanged(Refusal.restore(error.cause.message, stale.reason.told), stale)
    return CommandRejected(_restore_rejection_reason(error))


def _restore_rejection_reason(error: WorkflowUpdateFailedError) -> str:
    """The reason with its facts; in words alone where a worker of an earlier version gave it."""
    words = getattr(error.cause, "message", "") or str(error.cause) or "the case refused it"
    details = error.cause.details if isinstance(error.cause, ApplicationError) and error.cause.type == COMMAND_REJECTED else ()
    return Refusal.restore(words, RefusalFacts.model_validate(details[0])) if details else words
