"""Signals to the cases: billing events and letters' outcomes, delivered through the Temporal client.

Workflows and their signals are called by name, for adapters do not import the workflows' code.
"""

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.temporal.case_start import CaseStart, signal_with_start, start_case
from domain import identifiers as ids
from domain.billing.billing_events import BillingEvent, BillingEventKind, ChargePayment, InvoiceFacts, WriteOffRecovery
from domain.case.handler_names import SignalName
from domain.case.late_notice import LateNotice
from domain.correspondence.letter_outcome import LetterOutcome
from domain.invoice.collection_stage import first_collection_stage
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.policy.adoption import PolicyMove


class CaseSignals:
    """Sends signals to running cases, and starts the cases that a signal is for. Methods raise RPCError when the server does not answer."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def deliver_billing_events(
        self, workflow_input: InvoiceCollectionInput, collector: str | None, events: Sequence[BillingEvent]
    ) -> None:
        """Signal billing events to an invoice's case, in order; start it when the invoice is open and has none.

        A settled invoice needs no case: one that runs gets the signal, and none is started for it.
        """
        case_id = ids.invoice_case_id(workflow_input.invoice_id)
        for event in events:
            if workflow_input.facts.is_settled:
                await self._signal_case(case_id, SignalName.BILLING_EVENT, event)
                continue
            case_start = build_invoice_case_start(workflow_input, collector)
            with contextlib.suppress(WorkflowAlreadyStartedError):
                if event.kind is BillingEventKind.INVOICE_ISSUED:
                    await start_case(self._client, case_start)
                else:
                    await signal_with_start(self._client, case_start, SignalName.BILLING_EVENT, event)

    async def notify_case(self, case_id: str, outcome: LetterOutcome) -> None:
        """Signal the outcome of a letter that a case requested; a case that is over is passed over."""
        await self._signal_case(case_id, SignalName.LETTER_NEWS, outcome)

    async def move_invoice(self, invoice_id: str, move: PolicyMove) -> bool:
        """Signal a later version of its policy to an invoice's case; false when it has none that runs."""
        return await self._signal_case(ids.invoice_case_id(invoice_id), SignalName.MOVE_TO_VERSION, move)

    async def notify_late(self, case_id: str, late: LateNotice) -> None:
        """Signal to an invoice's case that a notice of its went, which had waited; a case that is over is passed over."""
        await self._signal_case(case_id, SignalName.NOTICE_TOLD, late)

    async def update_collector(self, case_id: str, collector: str) -> None:
        """Signal the new collector of a case's account; a case that is over is passed over."""
        await self._signal_case(case_id, SignalName.COLLECTOR_IS, collector)

    async def signal_or_start_case(self, case_start: CaseStart, signal: SignalName, argument: object) -> None:
        """Signal a case of an account; it is started when none of that id is open."""
        while True:
            try:
                await signal_with_start(self._client, case_start, signal, argument)
            except WorkflowAlreadyStartedError:  # started by somebody else at the same moment
                if not await self._signal_case(case_start.case_id, signal, argument):
                    continue
            return

    async def notify_payment(self, case_id: str, payment: WriteOffRecovery | ChargePayment) -> bool:
        """Signal a payment on what a case wrote off, or charged. False when that case is over: none is started for it."""
        signal = SignalName.RECOVERED if isinstance(payment, WriteOffRecovery) else SignalName.INTEREST_CAME
        return await self._signal_case(case_id, signal, payment)

    async def update_credit_request(self, invoice_id: str, facts: InvoiceFacts) -> None:
        """Signal what billing knows of an invoice by now to the request to reduce it; one that is over is passed over."""
        await self._signal_case(ids.credit_request_case_id(invoice_id), SignalName.FACTS_CHANGED, facts)

    async def _signal_case(self, case_id: str, signal: SignalName, argument: object) -> bool:
        """Send a signal; false when no such case runs."""
        try:
            await self._client.get_workflow_handle(case_id).signal(signal, argument)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True


def build_invoice_case_start(workflow_input: InvoiceCollectionInput, collector: str | None) -> CaseStart:
    """Return the start of the collection of an invoice that has none."""
    today = workflow_input.clock.to_business(datetime.now(UTC)).date()
    return CaseStart(
        workflow=ids.WorkflowName.INVOICE_COLLECTION,
        case_id=ids.invoice_case_id(workflow_input.invoice_id),
        workflow_input=workflow_input,
        account_id=workflow_input.account_id,
        collector=collector,
        stage=first_collection_stage(workflow_input, today),
    )
