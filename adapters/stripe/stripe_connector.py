"""Stripe as a BillingConnector."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

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
from adapters.stripe.connection_trial import try_connection
from adapters.stripe.stripe_api import StripeApi, StripeSettings
from adapters.stripe.stripe_bookings import StripeBookings
from adapters.stripe.stripe_reader import StripeReader
from adapters.stripe.stripe_service import StripeService
from adapters.stripe.stripe_webhook import verify_webhook

COMPANY = "1"
"""Of a connection to the account that the key is of."""


class StripeConnector:
    """One account of Stripe. `credits_every`: it lists all customers for what is unapplied, which takes many calls where there are many."""

    credits_every: Final = timedelta(hours=1)

    def __init__(self, name: str, settings: StripeSettings, api: StripeApi | None = None) -> None:
        """`name`: the connection's. Raises ExternalKeyError."""
        self._key = SystemKey.build(name, settings.account or COMPANY)
        self._settings = settings
        self._api = api or StripeApi(settings)
        self._reader = StripeReader(self._api, settings)
        self._bookings = StripeBookings(self._api, self._reader)
        self._service = StripeService(self._api, self._reader, pauses_service=settings.pauses_service)

    @property
    def key(self) -> SystemKey:
        return self._key

    @property
    def capabilities(self) -> frozenset[ConnectorCapability]:
        return frozenset(ConnectorCapability) - {
            ConnectorCapability.RECORD_NOTE,
            *(() if self._settings.webhook_secrets else (ConnectorCapability.VERIFY_WEBHOOK,)),
        }

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
        self._service.suspend(key, account_id, reason)

    def reinstate(self, key: str, account_id: str) -> None:
        self._service.reinstate(key, account_id)

    def record_note(self, key: str, account_id: str, text: str, kind: NoteKind = NoteKind.NOTE) -> None:
        raise UnsupportedOperationError("Stripe lets nobody write notes but people: add it to the customer's page there by hand")

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[WebhookHint, ...]:
        if not self._settings.webhook_secrets:
            raise UnsupportedOperationError(
                "the connection has no signing secret of a webhook endpoint; add one, or let changes be read alone"
            )
        return verify_webhook(headers, body, now, self._settings.webhook_secrets)
