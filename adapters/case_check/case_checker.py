"""The standing check: every open invoice, and every other open case, has exactly one running workflow."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import structlog
from pydantic import BaseModel, Field
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import RawValue
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.case_check.expected_cases import load_accounts, load_expected_cases, load_untold_events
from adapters.case_check.lost_run import UnheardSignal, find_fault_message, find_unheard_signals
from adapters.case_check.next_run_loader import NextRunLoader
from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.database.engine import Database
from adapters.set_aside.set_aside_store import Failure, SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from adapters.temporal.case_signals import build_invoice_case_start
from adapters.temporal.case_start import CaseStart, start_next_run
from domain import identifiers as ids
from domain.case.handler_names import SignalName
from domain.case.workflow_input import Recovery
from domain.identifiers import CaseKind

DELETED = "deleted"
"""What became of a run that the server does not have at all."""

log = structlog.get_logger()


class OpenCaseListing(Protocol):
    """Lists the cases that run. Raises RPCError when the server does not answer."""

    def list_running_cases(self) -> AsyncIterator[str]:
        """Yield the ids of all of them."""
        ...

    def list_stuck_cases(self) -> AsyncIterator[str]:
        """Yield the ids of those whose workflow tasks fail, as far as the server knows."""
        ...


class CaseCheckResult(BaseModel):
    """What a check found. `looked_at`: how many cases were to run. `begun_again`: the ids of those that did not, and do now.
    `cannot_go_on`: those of which nothing is stored to go on from, each with what became of its run. `stuck`: those whose workflow tasks
    fail, each with the error."""

    looked_at: int = 0
    begun_again: list[str] = Field(default_factory=list)
    cannot_go_on: dict[str, str] = Field(default_factory=dict)
    stuck: dict[str, str] = Field(default_factory=dict)


class CaseStuckError(Exception):
    """The workflow tasks of a case fail; the message is their error."""


class CaseLostError(Exception):
    """A case's workflow was lost, and nothing is stored to go on from."""


class LostRun(NamedTuple):
    """How a run ended that should not have, as the server calls it, and what it had not heard."""

    ending: str
    unheard: Sequence[UnheardSignal]


class StuckRun(NamedTuple):
    """A run whose workflow task fails: with which error, and what it had not journalled."""

    run_id: str
    fault: str
    unheard: Sequence[UnheardSignal]


class CaseChecker:
    def __init__(
        self, client: Client, database: Database, listing: OpenCaseListing, next_runs: NextRunLoader, invoice_inputs: InvoiceInputLoader
    ) -> None:
        self._client, self._database, self._listing = client, database, listing
        self._next_runs, self._invoice_inputs, self._set_aside = next_runs, invoice_inputs, SetAsideStore(database)

    async def check(self, now: datetime) -> CaseCheckResult:
        """Begin again what should run and does not. `now` is real time. The server's list is read once; it is asked about a single case
        only when that is missing there. Raises RPCError when the server does not answer."""
        running = {case_id async for case_id in self._listing.list_running_cases()}
        expected = await asyncio.to_thread(load_expected_cases, self._database, now)
        result = CaseCheckResult(looked_at=len(expected.open_cases | expected.uncollected))
        for case_id in sorted((expected.open_cases | expected.uncollected) - running):
            lost = await self._find_lost_run(case_id)
            if lost is None:
                continue
            if await self.begin_again(case_id, Recovery(reason=lost.ending), lost.unheard):
                log.warning("a case whose workflow was lost was begun again", case=case_id, ending=lost.ending)
                result.begun_again.append(case_id)
            else:
                log.error("a case's workflow was lost, and nothing is stored to go on from", case=case_id, ending=lost.ending)
                result.cannot_go_on[case_id] = lost.ending
        await self._find_stuck_cases(result)
        return result

    async def find_fault(self, case_id: str) -> StuckRun | None:
        """Find the run of a case whose workflow task fails now, and why; None for a case that goes on, or does not run."""
        handle = self._client.get_workflow_handle(case_id)
        try:
            description = await handle.describe()
            if description.status is not WorkflowExecutionStatus.RUNNING or description.raw_description.pending_workflow_task.attempt < 2:
                return None
            history = await handle.fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        fault = find_fault_message(history.events)
        return None if fault is None else StuckRun(history.run_id, fault, find_unheard_signals(history.events))

    async def _find_stuck_cases(self, result: CaseCheckResult) -> None:
        """Note which cases do not go on: those that the server names, and those that did not before, each looked at by itself. What is
        noted is a task of the administrators until the case goes on."""
        noted = await asyncio.to_thread(self._set_aside.list_waiting, SetAsideStage.CASE)
        for case_id in sorted({*noted, *[case_id async for case_id in self._listing.list_stuck_cases()]}):
            stuck = await self.find_fault(case_id)
            if stuck:
                log.error("the workflow tasks of a case fail", case=case_id, error=stuck.fault)
                result.stuck[case_id] = stuck.fault
        errors: dict[str, Exception] = {case_id: CaseStuckError(fault) for case_id, fault in result.stuck.items()}
        errors |= {case_id: CaseLostError(f"its workflow was lost: {ending}") for case_id, ending in result.cannot_go_on.items()}
        accounts = await asyncio.to_thread(load_accounts, self._database, errors)
        failures = {case_id: Failure(error, accounts.get(case_id, "")) for case_id, error in errors.items()}
        await asyncio.to_thread(self._set_aside.set_all_aside, SetAsideStage.CASE, failures)
        await asyncio.to_thread(self._set_aside.settle, SetAsideStage.CASE, noted.keys() - errors.keys())

    async def begin_again(self, case_id: str, recovery: Recovery, unheard: Collection[UnheardSignal] = ()) -> bool:
        """Start a run that goes on from the case's last journal write, and send it what the lost one had not heard, and what billing has
        told since. An invoice of which no state is stored is taken up from the ledger, as after a payment that bounced. False when there is
        nothing to go on from."""
        start = await asyncio.to_thread(self._next_runs.load, case_id, recovery)
        if start is None:
            return await self._collect_from_ledger(case_id)
        await self._start(start)
        await self._send_again(case_id, unheard)
        for event in await asyncio.to_thread(load_untold_events, self._database, start.workflow_input):
            await self._client.get_workflow_handle(case_id).signal(SignalName.BILLING_EVENT, event)
        return True

    async def _find_lost_run(self, case_id: str) -> LostRun | None:
        """Find how a case's last run ended; None when it runs after all: the list lags behind."""
        handle = self._client.get_workflow_handle(case_id)
        try:
            description = await handle.describe()
            if description.status is WorkflowExecutionStatus.RUNNING:
                return None
            history = await handle.fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return LostRun(DELETED, [])
        ending = description.status.name.lower() if description.status else DELETED
        return LostRun(ending, find_unheard_signals(history.events))

    async def _start(self, start: CaseStart) -> None:
        try:
            await start_next_run(self._client, start)
        except WorkflowAlreadyStartedError:
            log.info("somebody else has begun the case again", case=start.case_id)

    async def _send_again(self, case_id: str, unheard: Collection[UnheardSignal]) -> None:
        handle = self._client.get_workflow_handle(case_id)
        for signal in unheard:
            await handle.signal(signal.name, args=[RawValue(payload) for payload in signal.arguments])

    async def _collect_from_ledger(self, case_id: str) -> bool:
        parsed = ids.parse_case_id(case_id)
        if parsed is None or parsed.kind is not CaseKind.INVOICE:
            return False
        for opening, collector in (await asyncio.to_thread(self._invoice_inputs.load_inputs, [parsed.subject])).values():
            if not opening.facts.is_settled:
                await self._start(build_invoice_case_start(opening, collector))
                return True
        return False
