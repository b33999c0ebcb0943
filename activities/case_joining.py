"""Starts, or joins, the cases of an account that invoices and other cases ask for."""

import asyncio

from pydantic import BaseModel
from temporalio import activity

from adapters.cases.case_inputs import CaseBeginnings
from adapters.temporal.case_signals import CaseSignals
from domain import identifiers as ids
from domain.case.effects import HandOver, JoinSuspension
from domain.clock import Clock
from domain.suspension.workflow_input import SUSPENSION
from domain.write_off.workflow_input import WRITE_OFF


class CaseJoining:
    """Safe to repeat: a case takes in no invoice twice. The clock is that of the case that asks."""

    def __init__(self, beginnings: CaseBeginnings, signals: CaseSignals) -> None:
        self._beginnings, self._signals = beginnings, signals

    @activity.defn
    async def join_suspension(self, wanted: JoinSuspension, clock: Clock) -> None:
        opening = (await asyncio.to_thread(self._beginnings.suspension, wanted.account_id)).model_copy(update={"clock": clock})
        signal = "invoice_asks_hand_over" if wanted.hand_over else "invoice_asks"
        await self._join(SUSPENSION, ids.suspension_case(wanted.account_id), wanted.account_id, opening, signal, wanted.claim)

    @activity.defn
    async def hand_over(self, wanted: HandOver, clock: Clock) -> None:
        """The claims are read anew: what was paid meanwhile is not handed over."""
        opening = (await asyncio.to_thread(self._beginnings.write_off, wanted.account_id)).model_copy(update={"clock": clock})
        claims = await asyncio.to_thread(self._beginnings.claims, wanted.account_id, wanted.invoice_ids)
        await self._join(WRITE_OFF, ids.write_off_case(wanted.account_id), wanted.account_id, opening, "handed_over", claims)

    async def _join(self, workflow: str, case_id: str, account_id: str, opening: BaseModel, signal: str, argument: object) -> None:
        collector = await asyncio.to_thread(self._beginnings.collector, account_id)
        await self._signals.join(workflow, case_id, account_id, collector, opening, signal, argument)
