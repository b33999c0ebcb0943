"""Odoo as a BillingConnector."""

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
from adapters.odoo.connection_trial import try_connection
from adapters.odoo.odoo_api import OdooApi, OdooSettings
from adapters.odoo.odoo_bookings import OdooBookings
from adapters.odoo.odoo_notes import OdooNotes
from adapters.odoo.odoo_reader import OdooReader

LACKS = frozenset({ConnectorCapability.SUSPEND, ConnectorCapability.REINSTATE, ConnectorCapability.VERIFY_WEBHOOK})


class OdooConnector:
    """One company of one Odoo database."""

    def __init__(self, name: str, settings: OdooSettings, api: OdooApi | None = None) -> None:
        """`name`: the connection's. Raises ExternalKeyError."""
        self._key = SystemKey.build(name, str(settings.company))
        self._settings, self._api = settings, api or OdooApi(settings)
        self._reader = OdooReader(self._api, settings)
        self._bookings = OdooBookings(self._api, self._reader, settings)
        self._notes = OdooNotes(self._api, self._reader)

    @property
    def key(self) -> SystemKey:
        return self._key

    @property
    def capabilities(self) -> frozenset[ConnectorCapability]:
        writes_off = self._settings.write_off_journal and self._settings.write_off_account
        return frozenset(ConnectorCapability) - LACKS - (frozenset() if writes_off else {ConnectorCapability.BOOK_WRITE_OFF})

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
        return try_connection(self._api, self._settings)

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        return self._bookings.book_credit_note(key, external_id, amount, currency, reason)

    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        return self._bookings.book_write_off(key, external_id, amount, currency, on)

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        raise UnsupportedOperationError(
            "Odoo has no lock on a customer; stop serving them there by hand, such as by pausing their subscription"
        )

    def reinstate(self, key: str, account_id: str) -> None:
        raise UnsupportedOperationError("Odoo has no lock on a customer; serve them there again by hand, as they were stopped")

    def record_note(self, key: str, account_id: str, text: str, kind: NoteKind = NoteKind.NOTE) -> None:
        self._notes.record_note(key, account_id, text)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[WebhookHint, ...]:
        raise UnsupportedOperationError("Odoo signs no calls; its changes are read every minute")
