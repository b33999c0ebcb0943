"""Words to the workflows: billing's events and the news of letters, delivered through the Temporal client.

Workflows and their signals are called by name, for adapters know nothing of the workflows' code.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import BaseModel
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

from domain import identifiers as ids
from domain.billing.billing_events import BillingEvent, BillingEventKind, ChargePayment, WriteOffRecovery
from domain.case.handler_names import SignalName
from domain.correspondence.letter_outcome import LetterOutcome
from domain.invoice.collection_stage import CollectionStage, first_collection_stage
from domain.invoice.workflow_input import InvoiceCollectionInput

ACCOUNT, COLLECTOR, STAGE, _ = map(SearchAttributeKey.for_keyword, ids.SEARCH_ATTRIBUTES)


class CaseSignals:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def deliver_billing_events(self, opening: InvoiceCollectionInput, collector: str | None, events: Sequence[BillingEvent]) -> None:
        """Tell an invoice's workflow what billing reports, in order; start it when the invoice is open and has none.

        A settled invoice needs no workflow: one that runs is told, and none is started for it.
        """
        for event in events:
            if opening.facts.is_settled:
                await self._signal_case(ids.invoice_case_id(opening.invoice_id), SignalName.BILLING_EVENT, event)
            elif event.kind is BillingEventKind.INVOICE_ISSUED:
                await self._start_invoice_case(opening, collector, None)
            else:
                await self._start_invoice_case(opening, collector, event)

    async def notify_invoice(self, invoice_id: str, outcome: LetterOutcome) -> None:
        """What became of a letter. An invoice that is closed need not know."""
        await self.notify_case(ids.invoice_case_id(invoice_id), outcome)

    async def notify_case(self, case_id: str, outcome: LetterOutcome) -> None:
        """What became of a letter that a case asked for. A case that is over need not know."""
        await self._signal_case(case_id, SignalName.LETTER_NEWS, outcome)

    async def update_collector(self, case_id: str, collector: str) -> None:
        """Whom its account was given to. A case that is over need not know."""
        await self._signal_case(case_id, SignalName.COLLECTOR_IS, collector)

    async def signal_or_start_case(
        self,
        workflow: ids.WorkflowName,
        case_id: str,
        account_id: str,
        collector: str | None,
        opening: BaseModel,
        signal: SignalName,
        argument: object,
    ) -> None:
        """Signal a case of an account; it begins with `opening` when none of that id is open."""
        while True:
            try:
                await self._client.start_workflow(
                    workflow,
                    opening,
                    id=case_id,
                    task_queue=ids.TASK_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    start_signal=signal,
                    start_signal_args=[argument],
                    search_attributes=build_search_attributes(account_id, collector),
                )
            except WorkflowAlreadyStartedError:  # another began it in this very moment
                if not await self._signal_case(case_id, signal, argument):
                    continue
            return

    async def notify_payment(self, case_id: str, payment: WriteOffRecovery | ChargePayment) -> bool:
        """Money for what a case wrote off, or charged. False when that case is over: none is started for it."""
        return await self._signal_case(
            case_id, SignalName.RECOVERED if isinstance(payment, WriteOffRecovery) else SignalName.INTEREST_CAME, payment
        )

    async def _start_invoice_case(self, opening: InvoiceCollectionInput, collector: str | None, event: BillingEvent | None) -> None:
        stage = first_collection_stage(opening, opening.clock.to_business(datetime.now(UTC)).date())
        try:
            await self._client.start_workflow(
                ids.WorkflowName.INVOICE_COLLECTION,
                opening,
                id=ids.invoice_case_id(opening.invoice_id),
                task_queue=ids.TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING if event else WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE if event else WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=build_search_attributes(opening.account_id, collector, stage),
                start_signal=SignalName.BILLING_EVENT if event else None,
                start_signal_args=[event] if event else [],
            )
        except WorkflowAlreadyStartedError:
            return

    async def _signal_case(self, case_id: str, signal: SignalName, argument: object) -> bool:
        """False when no such case runs."""
        try:
            await self._client.get_workflow_handle(case_id).signal(signal, argument)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True


def build_search_attributes(account_id: str, collector: str | None, stage: CollectionStage | None = None) -> TypedSearchAttributes:
    """Return what a case is listed by from its beginning."""
    values = {ACCOUNT: account_id, COLLECTOR: collector, STAGE: stage.value if stage else None}
    return TypedSearchAttributes([SearchAttributePair(key, value) for key, value in values.items() if value])
