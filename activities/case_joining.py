"""Start the cases of an account that invoices and other cases need, or signal those that run."""

import asyncio
from dataclasses import replace

from temporalio import activity

from adapters.cases.case_inputs import CaseInputLoader
from adapters.temporal.case_signals import CaseSignals
from adapters.temporal.case_start import CaseStart
from domain import identifiers as ids
from domain.case.effects import HandOverAccount, JoinSuspension
from domain.case.handler_names import SignalName
from domain.clock import Clock


class CaseJoiningActivities:
    """Safe to repeat: a case takes an invoice once. `clock` is that of the case that requests."""

    def __init__(self, case_inputs: CaseInputLoader, signals: CaseSignals) -> None:
        self._case_inputs, self._signals = case_inputs, signals

    @activity.defn
    async def join_suspension(self, effect: JoinSuspension, clock: Clock) -> None:
        """Signal an invoice's claim to the account's suspension case."""
        workflow_input = await asyncio.to_thread(self._case_inputs.load_suspension_input, effect.account_id)
        signal = SignalName.INVOICE_ASKS_HAND_OVER if effect.hand_over else SignalName.INVOICE_ASKS
        case_start = CaseStart(
            workflow=ids.WorkflowName.ACCOUNT_SUSPENSION,
            case_id=ids.suspension_case_id(effect.account_id),
            workflow_input=workflow_input.model_copy(update={"clock": clock}),
            account_id=effect.account_id,
        )
        await self._signal_with_start(case_start, signal, effect.claim)

    @activity.defn
    async def hand_over(self, effect: HandOverAccount, clock: Clock) -> None:
        """Hand the account over to the write-off team. The claims are read again: what was paid meanwhile is not handed over."""
        workflow_input = await asyncio.to_thread(self._case_inputs.load_write_off_input, effect.account_id)
        claims = await asyncio.to_thread(self._case_inputs.load_claims, effect.account_id, effect.invoice_ids)
        case_start = CaseStart(
            workflow=ids.WorkflowName.WRITE_OFF,
            case_id=ids.write_off_case_id(effect.account_id),
            workflow_input=workflow_input.model_copy(update={"clock": clock}),
            account_id=effect.account_id,
        )
        await self._signal_with_start(case_start, SignalName.HANDED_OVER, claims)

    async def _signal_with_start(self, case_start: CaseStart, signal: SignalName, argument: object) -> None:
        """Signal the account's case, started with the account's collector where there is none."""
        collector = await asyncio.to_thread(self._case_inputs.load_collector, case_start.account_id)
        await self._signals.signal_or_start_case(replace(case_start, collector=collector), signal, argument)
