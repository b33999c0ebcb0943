"""A person's act on a case: an update when a worker answers in time, otherwise the same act as a signal.

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
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.temporal.case_start import Beginning, begun_by, start, start_with_signal, with_update
from adapters.temporal.handler_names import SIGNALS, UPDATES
from domain import identifiers as ids
from domain.case.case_view import CaseView
from domain.case.command import Act, Receipt

UPDATE_SECONDS = 5.0
"""How long a person waits for a worker. The SDK's own hidden retries would last 15 s."""
QUERY_SECONDS = 3.0
LOOK_AGAIN_SECONDS = 0.02
DELIVERY_SECONDS = 2.0

NO_ANSWER = (TimeoutError, RPCError, RuntimeError)
"""The SDK says with a RuntimeError that it could not connect at all."""


class ActRefused(Exception):
    """The case's validator says why, in words."""


class CaseNotRunning(Exception):
    """No open workflow runs this case."""


class CaseAlreadyOpen(Exception):
    """Another case has taken that id in the meantime."""


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
        """On an invoice's case. Raises ActRefused, CaseNotRunning, CasesUnreachable."""
        ...

    async def act_on(self, case_id: str, act: Act) -> Receipt | WillBeApplied:
        """On any case. Raises ActRefused, CaseNotRunning, CasesUnreachable."""
        ...

    async def begin(self, beginning: Beginning, act_id: str) -> Receipt | WillBeApplied:
        """Start a case of an id that none has had; WillBeApplied when no worker took it up in time.

        Raises CaseAlreadyOpen, CasesUnreachable.
        """
        ...

    async def act_or_begin(self, beginning: Beginning, act: Act) -> Receipt | WillBeApplied:
        """On the open case of that id, started where there is none. Raises ActRefused, CaseNotRunning, CasesUnreachable."""
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
        return await self.act_on(ids.invoice_case(invoice_id), act)

    async def act_on(self, case_id: str, act: Act) -> Receipt | WillBeApplied:
        case = self._client.get_workflow_handle(case_id)
        try:
            async with asyncio.timeout(self._update_seconds):
                receipt: Receipt = await case.execute_update(UPDATES[type(act)], act, id=act.act_id, result_type=Receipt)
                return receipt
        except WorkflowUpdateFailedError as error:
            raise _refusal(error, case_id) from error
        except (WorkflowUpdateRPCTimeoutOrCancelledError, *NO_ANSWER) as error:
            if _not_found(error):
                raise CaseNotRunning(case_id) from error
            return await self._signal(case, case_id, act)

    async def _signal(self, case: WorkflowHandle[object, object], case_id: str, act: Act) -> WillBeApplied:
        try:
            async with asyncio.timeout(self._update_seconds):
                await case.signal(SIGNALS[type(act)], act)
        except NO_ANSWER as error:
            if _not_found(error):
                raise CaseNotRunning(case_id) from error
            raise CasesUnreachable from error
        return WillBeApplied(act.act_id)

    async def begin(self, beginning: Beginning, act_id: str) -> Receipt | WillBeApplied:
        try:
            async with asyncio.timeout(self._update_seconds):
                await start(self._client, beginning, act_id)
        except WorkflowAlreadyStartedError as error:
            if not await self._was_begun_by(act_id, beginning.case_id):
                raise CaseAlreadyOpen(beginning.case_id) from error
        except NO_ANSWER as error:
            raise CasesUnreachable from error
        return Receipt(act_id=act_id) if await self._read(beginning.case_id, self._update_seconds) else WillBeApplied(act_id)

    async def _was_begun_by(self, act_id: str, case_id: str) -> bool:
        try:
            async with asyncio.timeout(QUERY_SECONDS):
                return await begun_by(self._client, case_id) == act_id
        except NO_ANSWER as error:
            raise CasesUnreachable from error

    async def act_or_begin(self, beginning: Beginning, act: Act) -> Receipt | WillBeApplied:
        """An update together with the start; when no worker answers in time, a signal together with the start."""
        try:
            async with asyncio.timeout(self._update_seconds):
                return await with_update(self._client, beginning, UPDATES[type(act)], act)
        except WorkflowUpdateFailedError as error:
            raise _refusal(error, beginning.case_id) from error
        except (WorkflowUpdateRPCTimeoutOrCancelledError, *NO_ANSWER):
            pass
        try:
            async with asyncio.timeout(self._update_seconds):
                await start_with_signal(self._client, beginning, SIGNALS[type(act)], act)
        except NO_ANSWER as error:
            raise CasesUnreachable from error
        return WillBeApplied(act.act_id)

    async def snapshot(self, invoice_id: str) -> CaseView | None:
        return await self._read(ids.invoice_case(invoice_id), QUERY_SECONDS)

    async def _read(self, case_id: str, seconds: float) -> CaseView | None:
        case = self._client.get_workflow_handle(case_id)
        try:
            async with asyncio.timeout(seconds):
                await _at_rest(case)
                view: CaseView = await case.query("snapshot", result_type=CaseView, rpc_timeout=timedelta(seconds=seconds))
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


async def _at_rest(case: WorkflowHandle[object, object]) -> None:
    """Until no task of the case is open: a question that meets one would end it before the case has heard that it has written, and what it
    hears next would be replayed in another order (docs/audit.md)."""
    while (await case.describe()).raw_description.HasField("pending_workflow_task"):  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _not_found(error: Exception) -> bool:
    return isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND


def _refusal(error: WorkflowUpdateFailedError, case_id: str) -> ActRefused | CaseNotRunning:
    if isinstance(error.cause, ApplicationError) and error.cause.type == "AcceptedUpdateCompletedWorkflow":
        return CaseNotRunning(case_id)
    return ActRefused(_in_words(error))


def _in_words(error: WorkflowUpdateFailedError) -> str:
    return getattr(error.cause, "message", "") or str(error.cause) or "the case refused it"
