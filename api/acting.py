"""A person's act on an invoice's case: an update when a worker answers in time, otherwise the same act as a signal.

Both carry the act's id, which the case remembers: whichever arrives, and however often, the act is applied once.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain import ids
from domain.acts import Act, AddNote, LogCall, MakePromise, Pause, Receipt, Resume
from domain.record import CaseView

UPDATE_SECONDS = 5.0
"""How long a person waits for a worker. The SDK's own hidden retries would last 15 s."""
QUERY_SECONDS = 3.0
DELIVERY_SECONDS = 2.0

NO_ANSWER = (TimeoutError, RPCError, RuntimeError)
"""The SDK says with a RuntimeError that it could not connect at all."""

UPDATES: dict[type[Act], str] = {MakePromise: "make_promise", LogCall: "log_call", Pause: "pause", Resume: "resume", AddNote: "add_note"}
SIGNALS: dict[type[Act], str] = {
    MakePromise: "promise_made",
    LogCall: "call_logged",
    Pause: "paused",
    Resume: "resumed",
    AddNote: "note_added",
}


class ActRefused(Exception):
    """The case's validator says why, in words."""


class CaseNotRunning(Exception):
    """No open workflow collects this invoice."""


class CasesUnreachable(Exception):
    """Neither update nor signal got through; nothing is known to be recorded."""

    def __init__(self) -> None:
        super().__init__(
            "Temporal does not answer, so that nothing may be recorded; send the same again in a moment, under the same Idempotency-Key"
        )


@dataclass(frozen=True)
class WillBeApplied:
    """No worker answered in time: the act waits in the case's history and is applied once."""

    act_id: str


class Cases(Protocol):
    """What the API asks of the running cases."""

    async def act(self, invoice_id: str, act: Act) -> Receipt | WillBeApplied:
        """Raises ActRefused, CaseNotRunning, CasesUnreachable."""
        ...

    async def snapshot(self, invoice_id: str) -> CaseView | None:
        """The case as its workflow sees it; None when no worker answers in time or no history is left."""
        ...

    async def deliver_soon(self) -> None:
        """Ask BillingSync to deliver ledger events now. Best effort: the schedule delivers anyway."""
        ...

    async def reachable(self) -> bool: ...


class TemporalCases:
    """The cases as Temporal runs them."""

    def __init__(self, client: Client, update_seconds: float = UPDATE_SECONDS) -> None:
        """`update_seconds`: how long a person waits for a worker, in real time."""
        self._client, self._update_seconds = client, update_seconds

    async def act(self, invoice_id: str, act: Act) -> Receipt | WillBeApplied:
        case = self._client.get_workflow_handle(ids.invoice_case(invoice_id))
        try:
            async with asyncio.timeout(self._update_seconds):
                receipt: Receipt = await case.execute_update(UPDATES[type(act)], act, id=act.act_id, result_type=Receipt)
                return receipt
        except WorkflowUpdateFailedError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.type == "AcceptedUpdateCompletedWorkflow":
                raise CaseNotRunning(invoice_id) from error
            raise ActRefused(_in_words(error)) from error
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return await self._signal(case, invoice_id, act)
        except (RPCError, RuntimeError) as error:
            if _not_found(error):
                raise CaseNotRunning(invoice_id) from error
            return await self._signal(case, invoice_id, act)

    async def _signal(self, case: WorkflowHandle[object, object], invoice_id: str, act: Act) -> WillBeApplied:
        try:
            async with asyncio.timeout(self._update_seconds):
                await case.signal(SIGNALS[type(act)], act)
        except NO_ANSWER as error:
            if _not_found(error):
                raise CaseNotRunning(invoice_id) from error
            raise CasesUnreachable from error
        return WillBeApplied(act.act_id)

    async def snapshot(self, invoice_id: str) -> CaseView | None:
        case = self._client.get_workflow_handle(ids.invoice_case(invoice_id))
        try:
            async with asyncio.timeout(QUERY_SECONDS):
                view: CaseView = await case.query("snapshot", result_type=CaseView, rpc_timeout=timedelta(seconds=QUERY_SECONDS))
                return view
        except (*NO_ANSWER, WorkflowQueryFailedError, WorkflowQueryRejectedError):
            return None

    async def deliver_soon(self) -> None:
        with contextlib.suppress(*NO_ANSWER):
            async with asyncio.timeout(DELIVERY_SECONDS):
                await self._client.start_workflow(
                    "BillingSync",
                    id=f"{ids.BILLING_SYNC}:now",
                    task_queue=ids.TASK_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                )

    async def reachable(self) -> bool:
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                return await self._client.service_client.check_health()
        except NO_ANSWER:
            return False


def _not_found(error: Exception) -> bool:
    return isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND


def _in_words(error: WorkflowUpdateFailedError) -> str:
    return getattr(error.cause, "message", "") or str(error.cause) or "the case refused it"
