"""Carries what billing reports to the invoices' workflows, and to the cases that wrote off or charged."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from activities.heartbeat import beating
from adapters.cases.invoice_inputs import Openings
from adapters.ledger.ledger import BillingSystem
from adapters.portfolio.assignments import PortfolioNews
from adapters.temporal.case_signals import CaseSignals
from domain import identifiers as ids
from domain.billing.billing_events import BillingEvent, BillingEventKind, ChargePaid, Recovery
from domain.invoice.workflow_input import Opening

BATCH = 500
IN_FLIGHT = 60


class BillingDelivery:
    def __init__(self, billing: BillingSystem, openings: Openings, signals: CaseSignals, portfolios: PortfolioNews) -> None:
        self._billing, self._openings, self._signals, self._portfolios = billing, openings, signals, portfolios

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
                await _some_at_once(self._report(*openings[invoice_id], events) for invoice_id, events in by_invoice.items())
                await asyncio.to_thread(self._billing.mark_delivered, [number for number, _, _ in batch], datetime.now(UTC))
                delivered += len(batch)
            await self._remind_the_forgotten()
            await self._collect_what_is_left_over()
            await self._tell_collectors()
        return delivered

    async def _report(self, opening: Opening, collector: str | None, events: list[BillingEvent]) -> None:
        """Money on what was written off goes to the write-off's case, or rests in the ledger if that is over; money on what a case charged
        goes to that case as long as it runs. Everything else the invoice hears."""
        own: list[BillingEvent] = []
        for event in events:
            if event.kind is BillingEventKind.PAYMENT_RECOVERED:
                came = Recovery(
                    event_id=event.event_id, payment_id=event.payment_id, invoice_id=opening.invoice_id, amount=event.amount
                )  # fmt: skip
                await self._signals.money_came(ids.write_off_case(opening.account_id), came)
                continue
            paid = ChargePaid(event_id=event.event_id, amount=event.taken_off)
            if not (event.charged_by and await self._signals.money_came(event.charged_by, paid)):
                own.append(event)
        if own:
            await self._signals.report(opening, collector, own)

    async def _remind_the_forgotten(self) -> None:
        forgotten = await asyncio.to_thread(self._openings.forgotten, BATCH)
        for opening, collector in (await asyncio.to_thread(self._openings.read, forgotten)).values():
            facts = opening.facts
            event = BillingEvent(
                event_id=f"settled:{opening.invoice_id}:{facts.version}", kind=BillingEventKind.INVOICE_CHANGED,
                occurred_at=opening.clock.business(datetime.now(UTC)), facts=facts,
            )  # fmt: skip
            await self._signals.report(opening, collector, [event])

    async def _collect_what_is_left_over(self) -> None:
        """Interest that a plan charged is the plan's to ask for; when the plan is over, what is open of it is collected."""
        charges = await asyncio.to_thread(self._openings.left_over, BATCH)
        for opening, collector in (await asyncio.to_thread(self._openings.read, charges)).values():
            event = BillingEvent(
                event_id=f"{BillingEventKind.INVOICE_ISSUED}:{opening.invoice_id}", kind=BillingEventKind.INVOICE_ISSUED,
                occurred_at=opening.clock.business(datetime.now(UTC)), facts=opening.facts,
            )  # fmt: skip
            await self._signals.report(opening, collector, [event])

    async def _tell_collectors(self) -> None:
        """An account that changed hands takes its open cases along, as Temporal's own lists show them."""
        while True:
            changes, collectors = await asyncio.to_thread(self._portfolios.untold, BATCH)
            if not changes:
                return
            await _some_at_once(self._signals.collector_is(case_id, collector) for case_id, collector in collectors.items())
            await asyncio.to_thread(self._portfolios.told, changes)


async def _some_at_once(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them, `IN_FLIGHT` at a time."""
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def pass_through(call: Coroutine[Any, Any, None]) -> None:
        async with gate:
            await call

    async with asyncio.TaskGroup() as under_way:
        for call in calls:
            under_way.create_task(pass_through(call))
