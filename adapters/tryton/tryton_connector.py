"""Tryton as a BillingConnector."""

from collections.abc import Mapping
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
from adapters.tryton.connection_trial import try_connection
from adapters.tryton.tryton_api import TrytonApi, TrytonSettings
from adapters.tryton.tryton_bookings import TrytonBookings
from adapters.tryton.tryton_reader import TrytonReader
from adapters.tryton.tryton_service import TrytonService

CAPABILITIES = frozenset(ConnectorCapability) - {ConnectorCapability.VERIFY_WEBHOOK}


class TrytonConnector:
    """One company of one Tryton database."""

    def __init__(self, name: str, settings: TrytonSettings, write_off_method: str | None = None, api: TrytonApi | None = None) -> None:
        """`name`: the connection's. `write_off_method`: see TrytonBookings. Raises ExternalKeyError."""
        self._key = SystemKey.build(name, str(settings.company))
        self._api = api or TrytonApi(settings)
        self._company = settings.company
        self._reader = TrytonReader(self._api, settings.company)
        self._bookings = TrytonBookings(self._api, self._reader, settings.company, write_off_method)
        self._service = TrytonService(self._api, self._reader)

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
        return self._reader.list_credits(cursor, limit)

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        return self._reader.fetch_document(external_id)

    def try_connection(self) -> tuple[ConnectionStep, ...]:
        return try_connection(self._api, self._company)

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
        raise UnsupportedOperationError("Tryton calls nobody when something changes; its changes are read every few minutes")
