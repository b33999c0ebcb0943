"""The embedded billing system. Each part books in one transaction that holds the account, with the event of the change in it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime

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
from adapters.database.engine import Database
from adapters.ledger.account_queries import AccountQueries
from adapters.ledger.credit_applications import CreditApplications
from adapters.ledger.event_outbox import LedgerOutbox
from adapters.ledger.interest_charges import InterestCharges
from adapters.ledger.invoice_changes import InvoiceChanges
from adapters.ledger.payments import Payments
from adapters.ledger.service_changes import ServiceChanges
from adapters.ledger.transactions import LedgerTransactions
from adapters.ledger.write_offs import WriteOffs
from adapters.real_time import find_real_now
from domain.billing.billing_events import InvoiceFacts
from domain.billing.credit_application import CreditShare
from domain.billing.payment_allocation import AllocationShare
from domain.case.billing_results import SuspensionOrderOutcome

CAPABILITIES = frozenset(
    {
        BillingCapability.LIST_OPEN_INVOICES,
        BillingCapability.LIST_PAYMENTS,
        BillingCapability.GET_UNAPPLIED_CREDIT,
        BillingCapability.RECORD_PAYMENT,
        BillingCapability.REVERSE_PAYMENT,
        BillingCapability.APPLY_UNAPPLIED_CREDIT,
        BillingCapability.APPLY_CREDIT,
        BillingCapability.TAKE_BACK_APPLICATION,
        BillingCapability.LIST_UNAPPLIED_SOURCES,
        BillingCapability.LIST_CREDIT_APPLICATIONS,
        BillingCapability.LIST_APPLICABLE_CREDIT,
        BillingCapability.ISSUE_CREDIT_NOTE,
        BillingCapability.CHANGE_INVOICE,
        BillingCapability.CANCEL_INVOICE,
        BillingCapability.SUSPEND_ACCOUNT,
        BillingCapability.REINSTATE_ACCOUNT,
        BillingCapability.SET_PREPAID,
        BillingCapability.WRITE_OFF,
        BillingCapability.CHARGE_INTEREST,
    }
)


class Ledger:
    """A BillingSystem over Duecourse's own database. Changes of one account take turns on either database."""

    def __init__(self, database: Database, real_now: Callable[[], datetime] = find_real_now) -> None:
        transactions = LedgerTransactions(database, real_now)
        self._queries = AccountQueries(transactions)
        self._payments = Payments(transactions)
        self._credit = CreditApplications(transactions)
        self._invoices = InvoiceChanges(transactions)
        self._services = ServiceChanges(transactions)
        self._write_offs = WriteOffs(transactions)
        self._interest = InterestCharges(transactions)
        self._outbox = LedgerOutbox(transactions)

    @property
    def capabilities(self) -> frozenset[BillingCapability]:
        return CAPABILITIES

    def get_invoice_facts(self, invoice_id: str) -> InvoiceFacts:
        return self._queries.get_invoice_facts(invoice_id)

    def list_open_invoices(self, account_id: str) -> tuple[OpenInvoice, ...]:
        return self._queries.list_open_invoices(account_id)

    def list_payments(self, account_id: str) -> tuple[RecordedPayment, ...]:
        return self._queries.list_payments(account_id)

    def get_unapplied_credit(self, account_id: str) -> dict[str, int]:
        return self._queries.get_unapplied_credit(account_id)

    def list_unapplied_credit(self, account_ids: Collection[str]) -> dict[tuple[str, str], int]:
        return self._queries.list_unapplied_credit(account_ids)

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
        return self._payments.record_payment(
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
        return self._payments.reverse_payment(payment_id, on, at=at)

    def apply_unapplied_credit(self, account_id: str, currency: str, *, at: datetime) -> tuple[AllocationShare, ...]:
        applied: dict[str, int] = {}
        for share in self._credit.apply_credit(account_id, currency, None, key=None, recorded_by=DUECOURSE, at=at).shares:
            applied[share.invoice_id] = applied.get(share.invoice_id, 0) + share.amount
        return tuple(AllocationShare(invoice_id=invoice_id, amount=amount) for invoice_id, amount in applied.items())

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
        return self._credit.apply_credit(account_id, currency, shares, key=key, recorded_by=recorded_by, at=at)

    def take_back_application(
        self, key: str, application: str, reason: str, *, recorded_by: str = DUECOURSE, at: datetime
    ) -> CreditApplication:
        return self._credit.take_back_application(key, application, reason, recorded_by=recorded_by, at=at)

    def list_unapplied_sources(self, account_id: str) -> tuple[UnappliedSource, ...]:
        return self._queries.list_unapplied_sources(account_id)

    def list_credit_applications(self, account_id: str) -> tuple[CreditApplication, ...]:
        return self._queries.list_credit_applications(account_id)

    def list_applicable_credit(self) -> dict[tuple[str, str], int]:
        return self._queries.list_applicable_credit()

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
        return self._invoices.issue_credit_note(
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
        return self._invoices.change_invoice(invoice_id, due_date=due_date, total=total, disputed=disputed, at=at)

    def cancel_invoice(self, invoice_id: str, *, recorded_by: str = DUECOURSE, at: datetime) -> InvoiceFacts:
        return self._invoices.cancel_invoice(invoice_id, recorded_by=recorded_by, at=at)

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
        return self._services.suspend_account(key, account_id, invoice_ids, minimums, recorded_by=recorded_by, at=at)

    def weigh_suspension(
        self, key: str, account_id: str, invoice_ids: Sequence[str], minimums: Mapping[str, int], *, at: datetime
    ) -> SuspensionOrderOutcome:
        return self._services.weigh_suspension(key, account_id, invoice_ids, minimums, at=at)

    def note_suspension(self, key: str, account_id: str, *, recorded_by: str = DUECOURSE, at: datetime) -> None:
        self._services.note_suspension(key, account_id, recorded_by=recorded_by, at=at)

    def reinstate_account(self, key: str, account_id: str, *, recorded_by: str = DUECOURSE, at: datetime) -> None:
        self._services.reinstate_account(key, account_id, recorded_by=recorded_by, at=at)

    def set_prepaid(self, account_id: str, prepaid: bool, *, at: datetime) -> None:
        self._services.set_prepaid(account_id, prepaid, at=at)

    def write_off(
        self, key: str, invoice_id: str, amount: int, currency: str, on: date, *, recorded_by: str = DUECOURSE, at: datetime
    ) -> int:
        return self._write_offs.write_off(key, invoice_id, amount, currency, on, recorded_by=recorded_by, at=at)

    def charge_interest(self, key: str, account_id: str, amount: int, currency: str, on: date, *, charged_by: str, at: datetime) -> str:
        return self._interest.charge_interest(key, account_id, amount, currency, on, charged_by=charged_by, at=at)

    def list_pending_events(self, limit: int, on_unreadable: OnUnreadable | None = None) -> list[PendingEvent]:
        return self._outbox.list_pending_events(limit, on_unreadable)

    def acknowledge_events(self, cursors: Sequence[str], at: datetime) -> None:
        self._outbox.acknowledge_events(cursors, at)
