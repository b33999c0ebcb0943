"""Words to the workflows: billing's events and the news of letters, delivered through the Temporal client.

Workflows are named by their type here, for adapters know nothing of the workflows' code.
"""

from collections.abc import Sequence

from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain import ids
from domain.collection import INVOICE_COLLECTION, Opening
from domain.invoices import BillingEvent, BillingEventKind
from domain.record import LetterNews

ACCOUNT = SearchAttributeKey.for_keyword("DuecourseAccount")
COLLECTOR = SearchAttributeKey.for_keyword("DuecourseCollector")


class CaseSignals:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def report(self, opening: Opening, collector: str | None, events: Sequence[BillingEvent]) -> None:
        """Tell an invoice's workflow what billing reports, in order; start it when the invoice is open and has none.

        A settled invoice needs no workflow: one that runs is told, and none is started for it.
        """
        for event in events:
            if opening.facts.settled:
                await self._signal(opening.invoice_id, "billing_event", event)
            elif event.kind is BillingEventKind.INVOICE_ISSUED:
                await self._start(opening, collector, None)
            else:
                await self._start(opening, collector, event)

    async def tell(self, invoice_id: str, news: LetterNews) -> None:
        """What became of a letter. An invoice that is closed need not know."""
        await self._signal(invoice_id, "letter_news", news)

    async def _start(self, opening: Opening, collector: str | None, event: BillingEvent | None) -> None:
        attributes = [SearchAttributePair(ACCOUNT, opening.account_id)]
        if collector:
            attributes.append(SearchAttributePair(COLLECTOR, collector))
        try:
            await self._client.start_workflow(
                INVOICE_COLLECTION, opening, id=ids.invoice_case(opening.invoice_id), task_queue=ids.TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING if event else WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE if event else WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=TypedSearchAttributes(attributes), start_signal="billing_event" if event else None,
                start_signal_args=[event] if event else [],
            )  # fmt: skip
        except WorkflowAlreadyStartedError:
            return

    async def _signal(self, invoice_id: str, signal: str, argument: BillingEvent | LetterNews) -> None:
        try:
            await self._client.get_workflow_handle(ids.invoice_case(invoice_id)).signal(signal, argument)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
