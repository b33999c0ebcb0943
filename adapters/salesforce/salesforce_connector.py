"""Salesforce as a BillingConnector."""

from collections.abc import Mapping
from datetime import date, datetime

from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import UnsupportedOperationError
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import (
    BalanceCheck,
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
from adapters.salesforce.connection_trial import try_connection
from adapters.salesforce.salesforce_api import SalesforceApi, SalesforceSettings
from adapters.salesforce.salesforce_map import SalesforceMap
from adapters.salesforce.salesforce_notes import SalesforceNotes
from adapters.salesforce.salesforce_reader import SalesforceReader

ALWAYS = frozenset({ConnectorCapability.LIST_CREDITS, ConnectorCapability.RECORD_NOTE})
BY_HOLD_FIELD = frozenset({ConnectorCapability.SUSPEND, ConnectorCapability.REINSTATE})


class SalesforceConnector:
    """One org of Salesforce."""

    def __init__(self, name: str, settings: SalesforceSettings, fields: SalesforceMap, api: SalesforceApi | None = None) -> None:
        """`name`: the connection's. Raises ExternalKeyError."""
        self._key = SystemKey.build(name, settings.org)
        self._settings, self._fields, self._api = settings, fields, api or SalesforceApi(settings)
        self._reader = SalesforceReader(self._api, settings, fields)
        self._notes = SalesforceNotes(self._api, self._reader, settings, fields.account.object)

    @property
    def key(self) -> SystemKey:
        return self._key

    @property
    def capabilities(self) -> frozenset[ConnectorCapability]:
        return ALWAYS | (BY_HOLD_FIELD if self._settings.hold_field else frozenset())

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

    def try_connection(self) -> tuple[ConnectionStep, ...]:
        return try_connection(self._api, self._reader, self._settings, self._fields)

    def check_balances(self) -> BalanceCheck:
        return self._reader.check_balances()

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        self._notes.suspend(key, account_id, reason)

    def reinstate(self, key: str, account_id: str) -> None:
        self._notes.reinstate(key, account_id)

    def record_note(self, key: str, account_id: str, text: str, kind: NoteKind = NoteKind.NOTE) -> None:
        self._notes.record_note(key, account_id, text, kind)

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        raise UnsupportedOperationError("Salesforce is not asked for the printed invoice; open the invoice there and send it by hand")

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        raise UnsupportedOperationError("no credit memo is issued in Salesforce from here: issue and apply it there, on the invoice's page")

    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        raise UnsupportedOperationError(
            "nothing is written off in Salesforce from here: issue a credit memo for it there, as your books want it"
        )

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[WebhookHint, ...]:
        raise UnsupportedOperationError("Salesforce signs no calls of this kind; its changes are read every minute")
