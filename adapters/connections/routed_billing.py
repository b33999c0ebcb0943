"""The whole port over several billing systems: each order goes to the system whose invoice or account it is about, all others to the
ledger.

Reading is the ledger's for all: what connected systems say is mirrored in its tables, and their events are in its outbox.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlmodel import col

from adapters.billing.errors import BillingAwayError
from adapters.billing.external_key import ExternalKey, SystemKey, parse_external_key
from adapters.billing.port import DUECOURSE, BillingCapability
from adapters.billing.results import (
    CreditApplication,
    OnUnreadable,
    OpenInvoice,
    PaymentResult,
    PendingEvent,
    RecordedPayment,
    UnappliedSource,
)
from adapters.connections.connected_billing import ConnectedBilling
from adapters.database.engine import Database
from adapters.database.tables import ExternalAccountRow, ExternalInvoiceRow, Payment
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import InvoiceFacts, InvoiceStatus
from domain.billing.credit_application import CreditShare
from domain.billing.payment_allocation import AllocationShare
from domain.case.billing_results import SuspensionOrderOutcome
from domain.money import Money


class RoutedBilling:
    def __init__(self, ledger: Ledger, connected: Mapping[SystemKey, ConnectedBilling], database: Database) -> None:
        """`database`: where it stands what was read of connected systems, also of those that are not here any more."""
        self._ledger, self._connected, self._database = ledger, connected, database

    @property
    def capabilities(self) -> frozenset[BillingCapability]:
        """The ledger's, which has some of the invoices and accounts: what a connected system lacks it refuses for its own."""
        return self._ledger.capabilities

    def _find(self, id: str) -> tuple[ExternalKey, ConnectedBilling] | None:
        """The system that an invoice or account is of; None for the ledger's own, whatever its id looks like. Raises BillingAwayError for
        one that was read of a connection which is not here: it is not the ledger's to book on."""
        if (key := parse_external_key(id)) is None:
            return None
        system = self._connected.get(SystemKey(key.system, key.company))
        if system is None and self._is_mirrored(id):
            raise BillingAwayError(f"the connection {key.system}:{key.company} is not here; put it back")
        return (key, system) if system else None

    def _is_mirrored(self, id: str) -> bool:
        """Whether an invoice, an account or a payment was read of a connected system."""
        invoice = select(col(ExternalInvoiceRow.invoice_id)).where(col(ExternalInvoiceRow.invoice_id) == id)
        account = select(col(ExternalAccountRow.account_id)).where(col(ExternalAccountRow.account_id) == id)
        payment = select(col(Payment.id)).where(
            col(Payment.id) == id, col(Payment.account_id).in_(select(col(ExternalAccountRow.account_id)))
        )
        with self._database.reading() as session:
            return session.execute(invoice.union_all(account, payment).limit(1)).first() is not None

    def _is_connected(self, id: str) -> bool:
        """Also by a connection that is not here."""
        key = parse_external_key(id)
        return key is not None and (SystemKey(key.system, key.company) in self._connected or self._is_mirrored(id))

    def _refuse_connected(self, id: str, what: str) -> None:
        if found := self._find(id):
            raise found[1].refuse(what)

    def get_invoice_facts(self, invoice_id: str) -> InvoiceFacts:
        return self._ledger.get_invoice_facts(invoice_id)

    def list_open_invoices(self, account_id: str) -> tuple[OpenInvoice, ...]:
        return self._ledger.list_open_invoices(account_id)

    def list_payments(self, account_id: str) -> tuple[RecordedPayment, ...]:
        return self._ledger.list_payments(account_id)

    def get_unapplied_credit(self, account_id: str) -> dict[str, int]:
        return self._ledger.get_unapplied_credit(account_id)

    def list_unapplied_credit(self, account_ids: Collection[str]) -> dict[tuple[str, str], int]:
        return self._ledger.list_unapplied_credit(account_ids)

    def list_unapplied_sources(self, account_id: str) -> tuple[UnappliedSource, ...]:
        return self._ledger.list_unapplied_sources(account_id)

    def list_credit_applications(self, account_id: str) -> tuple[CreditApplication, ...]:
        return self._ledger.list_credit_applications(account_id)

    def list_applicable_credit(self) -> dict[tuple[str, str], int]:
        """Without the connected systems': what is applied there, their own people decide."""
        return {key: amount for key, amount in self._ledger.list_applicable_credit().items() if not self._is_connected(key[0])}

    def record_payment(
        self,
        payment_id: str,
        account_id: str,
        currency: str,
        amount: int,
        received_on: date,
        reference: str = "",
        invoice_id: str | None = None,
        *,
        refuse_repeated: bool = False,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> PaymentResult:
        self._refuse_connected(account_id, "record the payment")
        return self._ledger.record_payment(
            payment_id,
            account_id,
            currency,
            amount,
            received_on,
            reference,
            invoice_id,
            refuse_repeated=refuse_repeated,
            recorded_by=recorded_by,
            at=at,
        )

    def reverse_payment(self, payment_id: str, on: date, *, at: datetime) -> tuple[AllocationShare, ...]:
        self._refuse_connected(payment_id, "take the payment back")
        return self._ledger.reverse_payment(payment_id, on, at=at)

    def apply_unapplied_credit(self, account_id: str, currency: str, *, at: datetime) -> tuple[AllocationShare, ...]:
        self._refuse_connected(account_id, "apply the credit")
        return self._ledger.apply_unapplied_credit(account_id, currency, at=at)

    def apply_credit(
        self,
        account_id: str,
        currency: str,
        shares: Sequence[CreditShare] | None = None,
        *,
        key: str | None = None,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> CreditApplication:
        self._refuse_connected(account_id, "apply the credit")
        return self._ledger.apply_credit(account_id, currency, shares, key=key, recorded_by=recorded_by, at=at)

    def take_back_application(
        self, key: str, application: str, reason: str, *, recorded_by: str = DUECOURSE, at: datetime
    ) -> CreditApplication:
        return self._ledger.take_back_application(key, application, reason, recorded_by=recorded_by, at=at)

    def issue_credit_note(
        self,
        credit_note_id: str,
        invoice_id: str,
        amount: int,
        issued_on: date,
        reason: str = "",
        *,
        within_open_balance: bool = False,
        credited_before: int | None = None,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> PaymentResult:
        if found := self._find(invoice_id):
            return found[1].issue_credit_note(
                credit_note_id, found[0], amount, reason, credited_before=credited_before, recorded_by=recorded_by
            )
        return self._ledger.issue_credit_note(
            credit_note_id,
            invoice_id,
            amount,
            issued_on,
            reason,
            within_open_balance=within_open_balance,
            credited_before=credited_before,
            recorded_by=recorded_by,
            at=at,
        )

    def change_invoice(
        self, invoice_id: str, *, due_date: date | None = None, total: int | None = None, disputed: bool | None = None, at: datetime
    ) -> InvoiceFacts:
        if found := self._find(invoice_id):
            return found[1].change_invoice(found[0], due_date=due_date, total=total, disputed=disputed, at=at)
        return self._ledger.change_invoice(invoice_id, due_date=due_date, total=total, disputed=disputed, at=at)

    def cancel_invoice(self, invoice_id: str, *, recorded_by: str = DUECOURSE, at: datetime) -> InvoiceFacts:
        if self._is_connected(invoice_id) and (facts := self._ledger.get_invoice_facts(invoice_id)).status is InvoiceStatus.CANCELLED:
            return facts
        self._refuse_connected(invoice_id, "cancel the invoice, by a credit note of the whole,")
        return self._ledger.cancel_invoice(invoice_id, recorded_by=recorded_by, at=at)

    def suspend_account(
        self,
        key: str,
        account_id: str,
        invoice_ids: Sequence[str],
        minimums: Mapping[str, int],
        *,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> SuspensionOrderOutcome:
        if found := self._find(account_id):
            return found[1].suspend_account(key, found[0], invoice_ids, minimums, recorded_by=recorded_by, at=at)
        return self._ledger.suspend_account(key, account_id, invoice_ids, minimums, recorded_by=recorded_by, at=at)

    def reinstate_account(self, key: str, account_id: str, *, recorded_by: str = DUECOURSE, at: datetime) -> None:
        if found := self._find(account_id):
            return found[1].reinstate_account(key, found[0], recorded_by=recorded_by, at=at)
        return self._ledger.reinstate_account(key, account_id, recorded_by=recorded_by, at=at)

    def set_prepaid(self, account_id: str, prepaid: bool, *, at: datetime) -> None:
        """Duecourse keeps it itself: such an account is never suspended for arrears."""
        self._ledger.set_prepaid(account_id, prepaid, at=at)

    def write_off(
        self, key: str, invoice_id: str, amount: int, currency: str, on: date, *, recorded_by: str = DUECOURSE, at: datetime
    ) -> int:
        if found := self._find(invoice_id):
            return found[1].write_off(key, found[0], amount, currency, on)
        return self._ledger.write_off(key, invoice_id, amount, currency, on, recorded_by=recorded_by, at=at)

    def charge_interest(self, key: str, account_id: str, amount: int, currency: str, on: date, *, charged_by: str, at: datetime) -> str:
        self._refuse_connected(account_id, f"charge the interest of {Money(minor=amount, currency=currency).major} {currency}")
        return self._ledger.charge_interest(key, account_id, amount, currency, on, charged_by=charged_by, at=at)

    def list_pending_events(self, limit: int, on_unreadable: OnUnreadable | None = None) -> list[PendingEvent]:
        return self._ledger.list_pending_events(limit, on_unreadable)

    def acknowledge_events(self, cursors: Sequence[str], at: datetime) -> None:
        self._ledger.acknowledge_events(cursors, at)
