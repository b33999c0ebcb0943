"""What cases and people order of a connected system, by Duecourse's ids: it is booked there, and read back at once.

What the system cannot do is refused in words that say what a person does there. What it has done is in the mirror when the order is
answered.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from adapters.billing.connector import BillingConnector, ConnectorCapability
from adapters.billing.errors import UnsupportedOperationError
from adapters.billing.external_key import ExternalKey
from adapters.billing.port import DUECOURSE
from adapters.billing.results import PaymentResult
from adapters.connections.connection_sync import ConnectionSync
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import InvoiceFacts
from domain.billing.payment_allocation import AllocationShare
from domain.case.billing_results import SuspensionOrderOutcome
from domain.money import Money


class ConnectedBilling:
    """One connected system. `ledger` reads the mirror, and keeps which orders of service were given."""

    def __init__(self, connector: BillingConnector, sync: ConnectionSync, ledger: Ledger) -> None:
        self._connector, self._sync, self._ledger = connector, sync, ledger

    def issue_credit_note(self, credit_note_id: str, invoice: ExternalKey, amount: int, reason: str) -> PaymentResult:
        """Never more than is open. Raises what the connector raises."""
        facts = self._ledger.get_invoice_facts(invoice.id)
        money = Money(minor=amount, currency=facts.currency)
        self._require(ConnectorCapability.BOOK_CREDIT_NOTE, f"credit {money.major} {facts.currency} of invoice {invoice.external_id} there")
        booked = self._connector.book_credit_note(credit_note_id, invoice.external_id, amount, facts.currency, reason)
        self._sync.refresh(invoice.external_id)
        return PaymentResult(allocations=(AllocationShare(invoice_id=invoice.id, amount=booked.amount),), unapplied=0)

    def write_off(self, key: str, invoice: ExternalKey, amount: int, currency: str, on: date) -> int:
        money = Money(minor=amount, currency=currency)
        self._require(ConnectorCapability.BOOK_WRITE_OFF, f"write off {money.major} {currency} of invoice {invoice.external_id} there")
        booked = self._connector.book_write_off(key, invoice.external_id, amount, currency, on)
        self._sync.refresh(invoice.external_id)
        return booked.amount

    def change_invoice(
        self, invoice: ExternalKey, *, due_date: date | None, total: int | None, disputed: bool | None, at: datetime
    ) -> InvoiceFacts:
        """That it is disputed, Duecourse keeps itself."""
        facts = self._ledger.get_invoice_facts(invoice.id)
        if (due_date or facts.due_date, facts.total if total is None else total) != (facts.due_date, facts.total):
            raise self._build_refusal(f"change the terms of invoice {invoice.external_id} there; Duecourse reads them")
        return self._ledger.change_invoice(invoice.id, disputed=disputed, at=at)

    def suspend_account(
        self,
        key: str,
        account: ExternalKey,
        invoice_ids: Sequence[str],
        minimums: Mapping[str, int],
        *,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> SuspensionOrderOutcome:
        """The invoices are read anew, so that a payment that came in the meantime spares the account. It counts as suspended here also
        where the system cannot do it, and says so: a person does it there."""
        for invoice_id in invoice_ids:
            self._sync.refresh(invoice_id.split(":", 2)[2])
        answer = self._ledger.suspend_account(key, account.id, invoice_ids, minimums, recorded_by=recorded_by, at=at)
        if answer is SuspensionOrderOutcome.SUSPENDED:
            self._require(ConnectorCapability.SUSPEND, f"stop serving account {account.external_id} there by hand")
            self._connector.suspend(key, account.external_id, recorded_by)
        return answer

    def reinstate_account(self, key: str, account: ExternalKey, *, recorded_by: str = DUECOURSE, at: datetime) -> None:
        self._ledger.reinstate_account(key, account.id, recorded_by=recorded_by, at=at)
        self._require(ConnectorCapability.REINSTATE, f"serve account {account.external_id} there again by hand")
        self._connector.reinstate(key, account.external_id)

    def refuse(self, what: str) -> UnsupportedOperationError:
        """Build the refusal of what no connected system is asked: it is done there, and read."""
        return self._build_refusal(f"{what} there; Duecourse reads it")

    def _require(self, capability: ConnectorCapability, by_hand: str) -> None:
        if capability not in self._connector.capabilities:
            raise self._build_refusal(by_hand)

    def _build_refusal(self, by_hand: str) -> UnsupportedOperationError:
        return UnsupportedOperationError(f"the billing system {self._connector.key.system} cannot do this from here: {by_hand}")
