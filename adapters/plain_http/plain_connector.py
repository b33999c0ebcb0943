"""Any JSON API as a BillingConnector, by its description."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NoReturn

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
from adapters.billing.http_api import HttpApi
from adapters.plain_http.api_description import ApiDescription
from adapters.plain_http.connection_check import check_connection
from adapters.plain_http.invoice_rows import InvoiceRows
from adapters.plain_http.plain_bookings import PlainBookings
from adapters.plain_http.plain_reader import PlainReader


class PlainHttpConnector:
    """One company of one API. What its description leaves out, it cannot do."""

    def __init__(self, key: SystemKey, description: ApiDescription, api: HttpApi, time_zone: str) -> None:
        """`time_zone`: in which a moment becomes a date; IANA."""
        self._key, self._description, self._api = key, description, api
        rows = InvoiceRows(description, key, time_zone)
        self._reader = PlainReader(api, description, rows)
        self._bookings = PlainBookings(api, description.bookings, self._reader, rows)
        self._capabilities = frozenset(_list_capabilities(description))

    @property
    def key(self) -> SystemKey:
        return self._key

    @property
    def capabilities(self) -> frozenset[ConnectorCapability]:
        return self._capabilities

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

    def try_connection(self) -> tuple[ConnectionStep, ...]:
        return check_connection(self._reader, self._description)

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        if ConnectorCapability.LIST_CREDITS not in self._capabilities:
            self._refuse("no list of unapplied credit; look at it there")
        return self._reader.list_credits(cursor, limit)

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        if ConnectorCapability.FETCH_DOCUMENT not in self._capabilities:
            self._refuse("no documents of invoices; print it there")
        return self._reader.fetch_document(external_id)

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        if ConnectorCapability.BOOK_CREDIT_NOTE not in self._capabilities:
            self._refuse("no credit notes; issue it there by hand")
        return self._bookings.book_credit_note(key, external_id, amount, currency, reason)

    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        if ConnectorCapability.BOOK_WRITE_OFF not in self._capabilities:
            self._refuse("no write-offs; write it off there by hand")
        return self._bookings.book_write_off(key, external_id, amount, currency, on)

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        if ConnectorCapability.SUSPEND not in self._capabilities:
            self._refuse("no suspensions; stop serving the customer there by hand")
        self._bookings.suspend(key, account_id, reason)

    def reinstate(self, key: str, account_id: str) -> None:
        if ConnectorCapability.REINSTATE not in self._capabilities:
            self._refuse("no reinstatements; serve the customer there again by hand")
        self._bookings.reinstate(key, account_id)

    def record_note(self, key: str, account_id: str, text: str, kind: NoteKind = NoteKind.NOTE) -> None:
        if ConnectorCapability.RECORD_NOTE not in self._capabilities:
            self._refuse("no notes; write it there by hand")
        self._bookings.record_note(key, account_id, text)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[WebhookHint, ...]:
        self._refuse("no calls; its changes are read every minute")

    def _refuse(self, lacks: str) -> NoReturn:
        raise UnsupportedOperationError(f"the description of {self._description.api} has {lacks}")


def _list_capabilities(description: ApiDescription) -> list[ConnectorCapability]:
    bookings = description.bookings
    described = {
        ConnectorCapability.LIST_CREDITS: description.credits,
        ConnectorCapability.FETCH_DOCUMENT: description.document,
        ConnectorCapability.BOOK_CREDIT_NOTE: bookings.credit_note,
        ConnectorCapability.BOOK_WRITE_OFF: bookings.write_off,
        ConnectorCapability.SUSPEND: bookings.suspend,
        ConnectorCapability.REINSTATE: bookings.reinstate,
        ConnectorCapability.RECORD_NOTE: bookings.note,
    }
    return [capability for capability, part in described.items() if part is not None]
