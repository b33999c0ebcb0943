"""Carries what billing reports to the invoices' workflows, and to the cases that wrote off or charged."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.billing.port import EventOutbox
from adapters.billing.results import PendingEvent
from adapters.cases.credit_rule import CreditRule
from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.portfolio.assignments import CollectorChangeFeed
from adapters.set_aside.each import load_each, try_each
from adapters.set_aside.set_aside_store import Failure, SetAsideItem, SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from adapters.temporal.case_signals import CaseSignals
from domain import identifiers as ids
from domain.billing.billing_events import BillingEvent, BillingEventKind, ChargePayment, WriteOffRecovery
from domain.invoice.workflow_input import InvoiceCollectionInput

BATCH_SIZE = 500
"""Events in one transaction."""

Openings = Mapping[str, tuple[InvoiceCollectionInput, str | None]]
"""What an invoice's case starts with, and the account's collector, by invoice."""


class _SetAsideInvoices:
    """The invoices whose events are set aside: those that rest, and those that failed in this delivery."""

    def __init__(self, waiting: Mapping[str, SetAsideItem], now: datetime) -> None:
        self._waiting = waiting
        self._resting = {invoice_id for invoice_id, item in waiting.items() if item.is_resting(now)}
        self.failed: dict[str, Failure] = {}

    def __contains__(self, invoice_id: object) -> bool:
        return invoice_id in self._resting or invoice_id in self.failed

    def add(self, failures: Mapping[str, Exception], openings: Openings) -> None:
        for invoice_id, error in failures.items():
            activity.logger.error("%s could not be told, and is set aside: %s", invoice_id, error)
            account_id = openings[invoice_id][0].account_id if invoice_id in openings else ""
            self.failed[invoice_id] = Failure(error, account_id)

    def list_gone(self) -> set[str]:
        """Return those that were set aside and went in this delivery, or have nothing left to be told."""
        return {invoice_id for invoice_id in self._waiting if invoice_id not in self}


class BillingEventActivities:
    def __init__(
        self,
        billing: EventOutbox,
        invoice_inputs: InvoiceInputLoader,
        signals: CaseSignals,
        portfolios: CollectorChangeFeed,
        set_aside: SetAsideStore,
        credit_rule: CreditRule | None = None,
    ) -> None:
        """`credit_rule`: what the policies say of unapplied credit; None: nothing becomes of it."""
        self._billing, self._invoice_inputs, self._signals, self._portfolios = billing, invoice_inputs, signals, portfolios
        self._set_aside = set_aside
        self._credit_rule = credit_rule

    async def _use_unapplied_credit(self) -> None:
        """What fails of it is tried again with the next delivery, and holds up no event."""
        if self._credit_rule is None:
            return
        try:
            await asyncio.to_thread(self._credit_rule.run)
        except Exception as error:
            activity.logger.error("unapplied credit was neither applied nor proposed: %s", error)

    @activity.defn
    async def deliver_events(self) -> int:
        """Deliver every event that waits, in order for each invoice; how many. An event is marked after its delivery: it may come
        twice, and a workflow takes it in once. An invoice whose events cannot be delivered is set aside: they wait on, and hold up nobody
        else's."""
        async with heartbeating():
            await self._use_unapplied_credit()
            waiting = await asyncio.to_thread(self._set_aside.list_waiting, SetAsideStage.BILLING_EVENT)
            set_aside = _SetAsideInvoices(waiting, datetime.now(UTC))
            delivered = await self._deliver_pending_events(set_aside)
            await self._redeliver_missed_settlements(set_aside)
            await self._start_collecting_leftover_charges(set_aside)
            await asyncio.to_thread(self._set_aside.set_all_aside, SetAsideStage.BILLING_EVENT, set_aside.failed)
            await asyncio.to_thread(self._set_aside.settle, SetAsideStage.BILLING_EVENT, set_aside.list_gone())
            await self._update_collectors()
        return delivered

    async def _deliver_pending_events(self, set_aside: _SetAsideInvoices) -> int:
        delivered = 0
        while batch := await self._list_deliverable_events(set_aside):
            by_invoice: dict[str, list[BillingEvent]] = defaultdict(list)
            for pending in batch:
                by_invoice[pending.invoice_id].append(pending.event)
            openings = await self._load_openings(by_invoice, set_aside)
            calls = {
                name: partial(self._deliver_invoice_events, *openings[name], events)
                for name, events in by_invoice.items()
                if name in openings
            }
            set_aside.add(await try_each(calls), openings)
            asked = await asyncio.to_thread(self._invoice_inputs.list_asked_reductions, list(openings))
            update = self._signals.update_credit_request
            set_aside.add(await try_each({name: partial(update, name, openings[name][0].facts) for name in asked}), openings)
            done = [pending.cursor for pending in batch if pending.invoice_id not in set_aside]
            await asyncio.to_thread(self._billing.acknowledge_events, done, datetime.now(UTC))
            delivered += len(done)
        return delivered

    async def _load_openings(self, invoice_ids: Iterable[str], set_aside: _SetAsideInvoices) -> Openings:
        wanted = [invoice_id for invoice_id in invoice_ids if invoice_id not in set_aside]
        openings, failed = await asyncio.to_thread(load_each, self._invoice_inputs.load_inputs, wanted)
        failed |= {name: LookupError("billing knows nothing of it") for name in wanted if name not in openings and name not in failed}
        set_aside.add(failed, openings)
        return openings

    async def _list_deliverable_events(self, set_aside: _SetAsideInvoices) -> list[PendingEvent]:
        """Return the first events that wait, but for those of invoices that are set aside."""
        limit, unreadable = BATCH_SIZE, dict[str, Exception]()
        while True:
            batch = await asyncio.to_thread(self._billing.list_pending_events, limit, unreadable.__setitem__)
            set_aside.add({name: error for name, error in unreadable.items() if name not in set_aside}, {})
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

    async def _redeliver_missed_settlements(self, set_aside: _SetAsideInvoices) -> None:
        forgotten = await asyncio.to_thread(self._invoice_inputs.list_missed_settlements, BATCH_SIZE)
        openings = await self._load_openings(forgotten, set_aside)
        events = {}
        for opening, _ in openings.values():
            facts = opening.facts
            events[opening.invoice_id] = BillingEvent(
                event_id=f"settled:{opening.invoice_id}:{facts.version}",
                kind=BillingEventKind.INVOICE_CHANGED,
                occurred_at=opening.clock.to_business(datetime.now(UTC)),
                facts=facts,
            )
        await self._deliver_one_each(openings, events, set_aside)

    async def _start_collecting_leftover_charges(self, set_aside: _SetAsideInvoices) -> None:
        """Interest that a plan charged is the plan's to ask for; when the plan is over, what is open of it is collected."""
        charges = await asyncio.to_thread(self._invoice_inputs.list_leftover_charges, BATCH_SIZE)
        openings = await self._load_openings(charges, set_aside)
        events = {}
        for opening, _ in openings.values():
            events[opening.invoice_id] = BillingEvent(
                event_id=f"{BillingEventKind.INVOICE_ISSUED}:{opening.invoice_id}",
                kind=BillingEventKind.INVOICE_ISSUED,
                occurred_at=opening.clock.to_business(datetime.now(UTC)),
                facts=opening.facts,
            )
        await self._deliver_one_each(openings, events, set_aside)

    async def _deliver_one_each(self, openings: Openings, events: Mapping[str, BillingEvent], set_aside: _SetAsideInvoices) -> None:
        deliver = self._signals.deliver_billing_events
        calls = {name: partial(deliver, *openings[name], [event]) for name, event in events.items()}
        set_aside.add(await try_each(calls), openings)

    async def _update_collectors(self) -> None:
        """An account that changed hands takes its open cases along, as Temporal's own lists show them. A case that cannot be told is set
        aside."""
        now, waiting = datetime.now(UTC), await asyncio.to_thread(self._set_aside.list_waiting, SetAsideStage.COLLECTOR)
        await self._tell_collectors({name: (item.payload or {})["collector"] for name, item in waiting.items() if not item.is_resting(now)})
        while True:
            changes, collectors = await asyncio.to_thread(self._portfolios.list_unnotified_changes, BATCH_SIZE)
            if not changes:
                return
            await self._tell_collectors(collectors)
            await asyncio.to_thread(self._portfolios.mark_notified, changes)

    async def _tell_collectors(self, collectors: Mapping[str, str]) -> None:
        """By case: the name of the collector who has its account now."""
        failed = await try_each({name: partial(self._signals.update_collector, name, who) for name, who in collectors.items()})
        failures = {name: Failure(error, payload={"collector": collectors[name]}) for name, error in failed.items()}
        await asyncio.to_thread(self._set_aside.set_all_aside, SetAsideStage.COLLECTOR, failures)
        await asyncio.to_thread(self._set_aside.settle, SetAsideStage.COLLECTOR, collectors.keys() - failed.keys())
