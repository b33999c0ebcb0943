"""Carries what billing reports to the invoices' workflows."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime

from temporalio import activity

from activities.heartbeat import beating
from adapters.case_signals import CaseSignals
from adapters.ledger import BillingSystem
from adapters.openings import Openings
from domain.invoices import BillingEvent, BillingEventKind

BATCH = 500
IN_FLIGHT = 60


class BillingDelivery:
    def __init__(self, billing: BillingSystem, openings: Openings, signals: CaseSignals) -> None:
        self._billing, self._openings, self._signals = billing, openings, signals

    @activity.defn
    async def deliver_events(self) -> int:
        """Deliver every event that waits, in order for each invoice; how many. An event is marked after its delivery: it may come
        twice, and a workflow takes it in once."""
        delivered = 0
        async with beating():
            while batch := await asyncio.to_thread(self._billing.undelivered, BATCH):
                by_invoice: dict[str, list[BillingEvent]] = defaultdict(list)
                for _, invoice_id, event in batch:
                    by_invoice[invoice_id].append(event)
                openings = await asyncio.to_thread(self._openings.read, list(by_invoice))
                gate = asyncio.Semaphore(IN_FLIGHT)

                async def report(invoice_id: str, events: list[BillingEvent], gate: asyncio.Semaphore = gate) -> None:
                    opening, collector = openings[invoice_id]  # noqa: B023 - every report ends before the next batch is read
                    async with gate:
                        await self._signals.report(opening, collector, events)

                async with asyncio.TaskGroup() as reports:
                    for invoice_id, events in by_invoice.items():
                        reports.create_task(report(invoice_id, events))
                await asyncio.to_thread(self._billing.mark_delivered, [number for number, _, _ in batch], datetime.now(UTC))
                delivered += len(batch)
            await self._remind_the_forgotten()
        return delivered

    async def _remind_the_forgotten(self) -> None:
        forgotten = await asyncio.to_thread(self._openings.forgotten, BATCH)
        for opening, collector in (await asyncio.to_thread(self._openings.read, forgotten)).values():
            facts = opening.facts
            event = BillingEvent(
                event_id=f"settled:{opening.invoice_id}:{facts.version}", kind=BillingEventKind.INVOICE_CHANGED,
                occurred_at=opening.clock.business(datetime.now(UTC)), facts=facts,
            )  # fmt: skip
            await self._signals.report(opening, collector, [event])
