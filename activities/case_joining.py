"""Starts, or joins, the cases of an account that invoices and other cases ask for."""

import asyncio

from pydantic import BaseModel
from temporalio import activity

from adapters.cases.case_inputs import CaseInputLoader
from adapters.temporal.case_signals import CaseSignals
from domain import identifiers as ids
from domain.case.effects import HandOverAccount, JoinSuspension
from domain.case.handler_names import SignalName
from domain.clock import Clock


class CaseJoiningActivities:
    """Safe to repeat: a case takes in no invoice twice. The clock is that of the case that asks."""

    def __init__(self, case_inputs: CaseInputLoader, signals: CaseSignals) -> None:
        self._case_inputs, self._signals = case_inputs, signals

    @activity.defn
    async def join_suspension(self, effect: JoinSuspension, clock: Clock) -> None:
        opening = (await asyncio.to_thread(self._case_inputs.load_suspension_input, effect.account_id)).model_copy(update={"clock": clock})
        signal = SignalName.INVOICE_ASKS_HAND_OVER if effect.hand_over else SignalName.INVOICE_ASKS
        await self._signal_with_start(
            ids.WorkflowName.ACCOUNT_SUSPENSION, ids.suspension_case_id(effect.account_id), effect.account_id, opening, signal, effect.claim
        )

    @activity.defn
    async def hand_over(self, effect: HandOverAccount, clock: Clock) -> None:
        """The claims are read anew: what was paid meanwhile is not handed over."""
        opening = (await asyncio.to_thread(self._case_inputs.load_write_off_input, effect.account_id)).model_copy(update={"clock": clock})
        claims = await asyncio.to_thread(self._case_inputs.load_claims, effect.account_id, effect.invoice_ids)
        await self._signal_with_start(
            ids.WorkflowName.WRITE_OFF, ids.write_off_case_id(effect.account_id), effect.account_id, opening, SignalName.HANDED_OVER, claims
        )

    async def _signal_with_start(
        self, workflow: ids.WorkflowName, case_id: str, account_id: str, workflow_input: BaseModel, signal: SignalName, argument: object
    ) -> None:
        collector = await asyncio.to_thread(self._case_inputs.load_collector, account_id)
        await self._signals.signal_or_start_case(workflow, case_id, account_id, collector, workflow_input, signal, argument)
