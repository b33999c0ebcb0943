"""Carries what billing reports to the invoices' workflows, and to the cases that wrote off or charged."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.billing.port import EventOutbox
from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.portfolio.assignments import CollectorChangeFeed
from adapters.temporal.case_signals import CaseSignals
from domain import identifiers as ids
from domain.billing.billing_events import BillingEvent, BillingEventKind, ChargePayment, WriteOffRecovery
from domain.invoice.workflow_input import InvoiceCollectionInput

BATCH_SIZE = 500
MAX_CONCURRENT_CALLS = 60


class BillingEventActivities:
    def __init__(
        self, billing: EventOutbox, invoice_inputs: InvoiceInputLoader, signals: CaseSignals, portfolios: CollectorChangeFeed
    ) -> None:
        self._billing, self._invoice_inputs, self._signals, self._portfolios = billing, invoice_inputs, signals, portfolios

    @activity.defn
    async def deliver_events(self) -> int:
        """Deliver every event that waits, in order for each invoice; how many. An event is marked after its delivery: it may come
        twice, and a workflow takes it in once."""
        delivered = 0
        async with heartbeating():
            while batch := await asyncio.to_thread(self._billing.list_pending_events, BATCH_SIZE):
                by_invoice: dict[str, list[BillingEvent]] = defaultdict(list)
                for pending in batch:
                    by_invoice[pending.invoice_id].append(pending.event)
                openings = await asyncio.to_thread(self._invoice_inputs.load_inputs, list(by_invoice))
                await _run_concurrently(
                    self._deliver_invoice_events(*openings[invoice_id], events) for invoice_id, events in by_invoice.items()
                )
                for invoice_id in await asyncio.to_thread(self._invoice_inputs.list_asked_reductions, list(by_invoice)):
                    await self._signals.update_credit_request(invoice_id, openings[invoice_id][0].facts)
                await asyncio.to_thread(self._billing.acknowledge_events, [pending.cursor for pending in batch], datetime.now(UTC))
                delivered += len(batch)
            await self._redeliver_missed_settlements()
            await self._start_collecting_leftover_charges()
            await self._update_collectors()
        return delivered

    async def _deliver_invoice_events(
        self, workflow_input: InvoiceCollectionInput, collector: str | None, events: list[BillingEvent]
    ) -> None:
        """Money on what was written off goes to the write-off's case, or rests in the ledger if that is over; money on what a case charged
        goes to that case as long as it runs. Everything else the invoice hears."""
        own: list[BillingEvent] = []
        for event in events:
            if event.kind is BillingEventKind.PAYMENT_RECOVERED:
                came = WriteOffRecovery(
                    event_id=event.event_id, payment_id=event.payment_id, invoice_id=workflow_input.invoice_id, amount=event.amount
                )
                await self._signals.notify_payment(ids.write_off_case_id(workflow_input.account_id), came)
                continue
            paid = ChargePayment(event_id=event.event_id, amount=event.balance_reduction)
            if not (event.charged_by and await self._signals.notify_payment(event.charged_by, paid)):
                own.append(event)
        if own:
            await self._signals.deliver_billing_events(workflow_input, collector, own)

    async def _redeliver_missed_settlements(self) -> None:
        forgotten = await asyncio.to_thread(self._invoice_inputs.list_missed_settlements, BATCH_SIZE)
        for opening, collector in (await asyncio.to_thread(self._invoice_inputs.load_inputs, forgotten)).values():
            facts = opening.facts
            event = BillingEvent(
                event_id=f"settled:{opening.invoice_id}:{facts.version}",
                kind=BillingEventKind.INVOICE_CHANGED,
                occurred_at=opening.clock.to_business(datetime.now(UTC)),
                facts=facts,
            )
            await self._signals.deliver_billing_events(opening, collector, [event])

    async def _start_collecting_leftover_charges(self) -> None:
        """Interest that a plan charged is the plan's to ask for; when the plan is over, what is open of it is collected."""
        charges = await asyncio.to_thread(self._invoice_inputs.list_leftover_charges, BATCH_SIZE)
        for opening, collector in (await asyncio.to_thread(self._invoice_inputs.load_inputs, charges)).values():
            event = BillingEvent(
                event_id=f"{BillingEventKind.INVOICE_ISSUED}:{opening.invoice_id}",
                kind=BillingEventKind.INVOICE_ISSUED,
                occurred_at=opening.clock.to_business(datetime.now(UTC)),
                facts=opening.facts,
            )
            await self._signals.deliver_billing_events(opening, collector, [event])

    async def _update_collectors(self) -> None:
        """An account that changed hands takes its open cases along, as Temporal's own lists show them."""
        while True:
            changes, collectors = await asyncio.to_thread(self._portfolios.list_unnotified_changes, BATCH_SIZE)
            if not changes:
                return
            await _run_concurrently(self._signals.update_collector(case_id, collector) for case_id, collector in collectors.items())
            await asyncio.to_thread(self._portfolios.mark_notified, changes)


async def _run_concurrently(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them, `IN_FLIGHT` at a time."""
    gate = asyncio.Semaphore(MAX_CONCURRENT_CALLS)

    async def pass_through(call: Coroutine[Any, Any, None]) -> None:
        async with gate:
            await call

    async with asyncio.TaskGroup() as under_way:
        for call in calls:
            under_way.create_task(pass_through(call))
