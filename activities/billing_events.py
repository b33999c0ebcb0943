"""Carries what billing reports to the invoices' workflows, and to the cases that wrote off or charged."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from temporalio import activity
from temporalio.service import RPCError, RPCStatusCode

from activities.heartbeat import heartbeating
from adapters.billing.port import EventOutbox
from adapters.billing.results import PendingEvent
from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.portfolio.assignments import CollectorChangeFeed
from adapters.temporal.case_signals import CaseSignals
from domain import identifiers as ids
from domain.billing.billing_events import BillingEvent, BillingEventKind, ChargePayment, WriteOffRecovery
from domain.invoice.workflow_input import InvoiceCollectionInput

BATCH_SIZE = 500
MAX_CONCURRENT_CALLS = 60

CONCERNS_ALL = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.UNIMPLEMENTED,
    }
)
"""So the Temporal server answers whoever asks: the delivery is tried again as a whole. Every other refusal is of one case."""


class BillingEventActivities:
    def __init__(
        self, billing: EventOutbox, invoice_inputs: InvoiceInputLoader, signals: CaseSignals, portfolios: CollectorChangeFeed
    ) -> None:
        self._billing, self._invoice_inputs, self._signals, self._portfolios = billing, invoice_inputs, signals, portfolios

    @activity.defn
    async def deliver_events(self) -> int:
        """Deliver every event that waits, in order for each invoice; how many. An event is marked after its delivery: it may come
        twice, and a workflow takes it in once. An invoice whose events cannot be delivered is set aside: they wait on, and hold up nobody
        else's."""
        delivered, set_aside = 0, set[str]()
        async with heartbeating():
            while batch := await self._list_deliverable_events(set_aside):
                by_invoice: dict[str, list[BillingEvent]] = defaultdict(list)
                for pending in batch:
                    by_invoice[pending.invoice_id].append(pending.event)
                openings = await asyncio.to_thread(self._invoice_inputs.load_inputs, list(by_invoice))
                set_aside |= await _try_each(
                    {
                        invoice_id: partial(self._deliver_invoice_events, *openings[invoice_id], events)
                        for invoice_id, events in by_invoice.items()
                    }
                )
                asked = await asyncio.to_thread(self._invoice_inputs.list_asked_reductions, list(by_invoice))
                update = self._signals.update_credit_request
                set_aside |= await _try_each({name: partial(update, name, openings[name][0].facts) for name in asked})
                done = [pending.cursor for pending in batch if pending.invoice_id not in set_aside]
                await asyncio.to_thread(self._billing.acknowledge_events, done, datetime.now(UTC))
                delivered += len(done)
            await self._redeliver_missed_settlements()
            await self._start_collecting_leftover_charges()
            await self._update_collectors()
        return delivered

    async def _list_deliverable_events(self, set_aside: set[str]) -> list[PendingEvent]:
        """Return the first events that wait, but for those of invoices that are set aside."""
        limit = BATCH_SIZE
        while True:
            batch = await asyncio.to_thread(self._billing.list_pending_events, limit)
            deliverable = [pending for pending in batch if pending.invoice_id not in set_aside]
            if deliverable or len(batch) < limit:
                return deliverable
            limit += BATCH_SIZE

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
        openings = await asyncio.to_thread(self._invoice_inputs.load_inputs, forgotten)
        events = {}
        for opening, _ in openings.values():
            facts = opening.facts
            events[opening.invoice_id] = BillingEvent(
                event_id=f"settled:{opening.invoice_id}:{facts.version}",
                kind=BillingEventKind.INVOICE_CHANGED,
                occurred_at=opening.clock.to_business(datetime.now(UTC)),
                facts=facts,
            )
        await self._deliver_one_each(openings, events)

    async def _start_collecting_leftover_charges(self) -> None:
        """Interest that a plan charged is the plan's to ask for; when the plan is over, what is open of it is collected."""
        charges = await asyncio.to_thread(self._invoice_inputs.list_leftover_charges, BATCH_SIZE)
        openings = await asyncio.to_thread(self._invoice_inputs.load_inputs, charges)
        events = {}
        for opening, _ in openings.values():
            events[opening.invoice_id] = BillingEvent(
                event_id=f"{BillingEventKind.INVOICE_ISSUED}:{opening.invoice_id}",
                kind=BillingEventKind.INVOICE_ISSUED,
                occurred_at=opening.clock.to_business(datetime.now(UTC)),
                facts=opening.facts,
            )
        await self._deliver_one_each(openings, events)

    async def _deliver_one_each(
        self, openings: Mapping[str, tuple[InvoiceCollectionInput, str | None]], events: Mapping[str, BillingEvent]
    ) -> None:
        """Deliver an event to each invoice, by its id. One that cannot be told is told when this is done next."""
        deliver = self._signals.deliver_billing_events
        await _try_each({name: partial(deliver, *openings[name], [event]) for name, event in events.items()})

    async def _update_collectors(self) -> None:
        """An account that changed hands takes its open cases along, as Temporal's own lists show them."""
        while True:
            changes, collectors = await asyncio.to_thread(self._portfolios.list_unnotified_changes, BATCH_SIZE)
            if not changes:
                return
            await _try_each({case_id: partial(self._signals.update_collector, case_id, name) for case_id, name in collectors.items()})
            await asyncio.to_thread(self._portfolios.mark_notified, changes)


async def _try_each(calls: dict[str, Callable[[], Awaitable[None]]]) -> set[str]:
    """Make all calls, `MAX_CONCURRENT_CALLS` at a time, each on its own; the keys of those that failed. Raises what concerns all."""
    gate, failed = asyncio.Semaphore(MAX_CONCURRENT_CALLS), set[str]()

    async def try_one(key: str, call: Callable[[], Awaitable[None]]) -> None:
        async with gate:
            try:
                await call()
            except Exception as error:
                if isinstance(error, RPCError) and error.status in CONCERNS_ALL:
                    raise
                activity.logger.error("%s could not be told, and is set aside: %s", key, error)
                failed.add(key)

    async with asyncio.TaskGroup() as under_way:
        for key, call in calls.items():
            under_way.create_task(try_one(key, call))
    return failed
