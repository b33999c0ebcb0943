"""Kill Bill as a BillingConnector."""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import UnsupportedOperationError
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import (
    ChangePage,
    ConnectionStep,
    CreditPage,
    ExternalAccount,
    ExternalBooking,
    ExternalInvoice,
    InvoiceDocument,
    NoteKind,
    OpenReceivablePage,
    WebhookHint,
)
from adapters.killbill.connection_trial import try_connection
from adapters.killbill.killbill_api import KillBillApi, KillBillSettings
from adapters.killbill.killbill_bookings import KillBillBookings
from adapters.killbill.killbill_orders import KillBillOrders
from adapters.killbill.killbill_reader import KillBillReader
from adapters.killbill.killbill_service import KillBillService
from adapters.killbill.killbill_webhook import read_push

CAPABILITIES = frozenset(ConnectorCapability) - {ConnectorCapability.LIST_CREDITS}


class KillBillConnector:
    """One tenant of one Kill Bill."""

    def __init__(
        self, name: str, settings: KillBillSettings, api: KillBillApi | None = None, real_now: Callable[[], datetime] | None = None
    ) -> None:
        """`name`: the connection's. `real_now`: the time (UTC); None: this machine's. Raises ExternalKeyError."""
        self._key = SystemKey.build(name, settings.company)
        self._api = api or KillBillApi(settings)
        self._reader = KillBillReader(self._api, settings)
        orders = KillBillOrders(self._api, self._reader)
        self._bookings = KillBillBookings(self._api, self._reader, orders, real_now)
        self._service = KillBillService(self._api, self._reader, orders)

    @property
    def key(self) -> SystemKey:
        return self._key

    @property
    def capabilities(self) -> frozenset[ConnectorCapability]:
        return CAPABILITIES

    def close(self) -> None:
        self._api.close()

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        return self._reader.read_changes(cursor, limit)

    def read_invoice(self, external_id: str) -> ExternalInvoice:
        return self._reader.read_invoice(external_id)

    def read_account(self, account_id: str) -> ExternalAccount:
        return self._reader.read_account(account_id)

    def list_open_items(self, cursor: str | None, limit: int) -> OpenReceivablePage:
        return self._reader.list_open_items(cursor, limit)

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        raise UnsupportedOperationError("Kill Bill uses an account's credit at once for its oldest open invoice; nothing of it waits there")

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        return self._reader.fetch_document(external_id)

    def try_connection(self) -> tuple[ConnectionStep, ...]:
        return try_connection(self._api, self._reader)

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        return self._bookings.book_credit_note(key, external_id, amount, currency, reason)

    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        return self._bookings.book_write_off(key, external_id, amount, currency, on)

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        self._service.suspend(key, account_id, reason)

    def reinstate(self, key: str, account_id: str) -> None:
        self._service.reinstate(key, account_id)

    def record_note(self, key: str, account_id: str, text: str, kind: NoteKind = NoteKind.NOTE) -> None:
        self._service.record_note(key, account_id, text)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[WebhookHint, ...]:
        return read_push(body, now)
