"""Puts a version of a policy in force, and tells open invoices which version to go on by."""

import asyncio

from temporalio import activity
from temporalio.service import RPCError

from activities.heartbeat import heartbeating
from adapters.policies.adoption_query import AdoptionQuery
from adapters.policies.policy_store import PolicyStore
from adapters.temporal.case_signals import CaseSignals
from domain.policy.adoption import PolicyMove
from domain.policy_adoption.progress import SAMPLE_SIZE, AdoptionBatch, AdoptionBatchResult, ForceOrder, ForceResult

SIGNALS_IN_FLIGHT = 20


class PolicyAdoptionActivities:
    def __init__(self, query: AdoptionQuery, policies: PolicyStore, signals: CaseSignals) -> None:
        self._query, self._policies, self._signals = query, policies, signals

    @activity.defn
    async def put_in_force(self, order: ForceOrder) -> ForceResult:
        """Repeated, it changes nothing."""
        return await asyncio.to_thread(self._policies.put_in_force, order.policy, order.replaces)

    @activity.defn
    async def move_invoices(self, batch: AdoptionBatch) -> AdoptionBatchResult:
        """Tell the batch's invoices, unless a later version is in force by now. One that cannot be told stops no other: it is among those
        that are left. Repeated, it changes nothing."""
        policy = batch.move.policy
        async with heartbeating():
            newest = await asyncio.to_thread(self._query.find_version_in_force, policy.name)
            if newest is not None and newest > policy.version:
                return AdoptionBatchResult(overtaken_by=newest)
            invoices = await asyncio.to_thread(self._query.list_older, policy.name, policy.version, batch.after, batch.size)
            gate = asyncio.Semaphore(SIGNALS_IN_FLIGHT)
            answers = await asyncio.gather(*(self._tell_invoice(invoice, batch.move, gate) for invoice in invoices))
            left, sample = await asyncio.to_thread(self._query.count_older, policy.name, policy.version, SAMPLE_SIZE)
        return AdoptionBatchResult(
            last=invoices[-1] if invoices else None, told=answers.count(True), ended=answers.count(False), left=left, sample=sample
        )

    async def _tell_invoice(self, invoice_id: str, move: PolicyMove, gate: asyncio.Semaphore) -> bool | None:
        """Return whether it was told; None when the server refused the message."""
        async with gate:
            try:
                return await self._signals.move_invoice(invoice_id, move)
            except RPCError as error:
                activity.logger.warning("the invoice %s could not be told of its policy: %s", invoice_id, error)
                return None
