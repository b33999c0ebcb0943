"""What is booked in an API by the requests of its description. It is looked for by its key before, and sent where it is not there."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from adapters.billing.errors import (
    BillingAwayError,
    BillingError,
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    ConnectionRefusedByBillingError,
    CurrencyMismatchError,
    ExcessiveCreditError,
    InvalidAmountError,
    RefusedByBillingError,
    UnknownAccountError,
    UnknownInvoiceError,
)
from adapters.billing.external_records import ExternalBooking, ExternalInvoice
from adapters.billing.http_api import HttpApi, NotFoundThereError
from adapters.billing.json_values import dig
from adapters.billing.unanswered_orders import build_unanswered_error
from adapters.plain_http.api_description import Bookings, DescribedBooking, FoundBooking
from adapters.plain_http.invoice_rows import InvoiceRows
from adapters.plain_http.list_pages import fetch_page
from adapters.plain_http.plain_reader import PlainReader
from adapters.plain_http.request_templates import fill_all, fill_body, fill_path
from adapters.plain_http.row_fields import RowFaultError
from domain.billing.billing_events import InvoiceStatus
from domain.money import Money

MOST_FOUND_PAGES = 100
"""In which a booking is looked for by its key."""


class BookedThere(NamedTuple):
    """What the API has for a key. `amount` is in minor units, None where the description does not say it."""

    id: str
    invoice: str
    amount: int | None


class PlainBookings:
    def __init__(self, api: HttpApi, bookings: Bookings, reader: PlainReader, rows: InvoiceRows) -> None:
        self._api, self._bookings, self._reader, self._rows = api, bookings, reader, rows

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        booking = self._bookings.credit_note
        assert booking is not None
        invoice = self._read_for_booking(external_id, amount, currency)
        values = {**_name_invoice(key, invoice), **_write_amount(amount, currency), "reason": reason}
        if found := self._find(booking, values, currency):
            if (found.invoice, found.amount) != (external_id, amount):
                raise ConflictingCreditNoteError(f"credit note {key!r} was issued with other content; give this one its own key")
            return ExternalBooking(found.id, amount, repeated=True)
        if invoice.status is InvoiceStatus.CANCELLED:
            raise CancelledInvoiceError(f"invoice {invoice.number} is cancelled there; there is nothing to credit")
        if amount > invoice.open_balance:
            left = Money(minor=invoice.open_balance, currency=currency).major
            raise ExcessiveCreditError(f"invoice {invoice.number} owes no more than {currency} {left} by now; credit less")
        return ExternalBooking(self._send(booking, values, _unknown_invoice(external_id)), amount, repeated=False)

    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        booking = self._bookings.write_off
        assert booking is not None
        invoice = self._read_for_booking(external_id, amount, currency)
        given_up = min(amount, invoice.open_balance)
        values = {**_name_invoice(key, invoice), **_write_amount(given_up, currency), "on": on.isoformat()}
        if found := self._find(booking, values, currency):
            if found.invoice != external_id:
                raise ConflictingBookingError(f"the key {key!r} was used before, for something else; give this its own")
            return ExternalBooking(found.id, amount if found.amount is None else found.amount, repeated=True)
        if not given_up:
            return ExternalBooking("", 0, repeated=False)
        return ExternalBooking(self._send(booking, values, _unknown_invoice(external_id)), given_up, repeated=False)

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        self._order(self._bookings.suspend, {"key": key, "account": account_id, "reason": reason})

    def reinstate(self, key: str, account_id: str) -> None:
        self._order(self._bookings.reinstate, {"key": key, "account": account_id})

    def record_note(self, key: str, account_id: str, text: str) -> None:
        self._order(self._bookings.note, {"key": key, "account": account_id, "text": text})

    def _order(self, booking: DescribedBooking | None, values: Mapping[str, str]) -> None:
        assert booking is not None
        account_id = values["account"]
        self._reader.read_account(account_id)
        if not self._find(booking, values, ""):
            self._send(booking, values, lambda: UnknownAccountError(f"the billing system has no account {account_id!r}; look for it there"))

    def _read_for_booking(self, external_id: str, amount: int, currency: str) -> ExternalInvoice:
        invoice = self._reader.read_invoice(external_id)
        if amount <= 0:
            raise InvalidAmountError("an amount that is credited or written off is more than nothing")
        if invoice.currency != currency:
            raise CurrencyMismatchError(f"invoice {invoice.number} is in {invoice.currency}, and this in {currency}; decide it anew")
        return invoice

    def _find(self, booking: DescribedBooking, values: Mapping[str, str], currency: str) -> BookedThere | None:
        """What was booked for the key; the rows are compared with it here, for an API that does not know a filter gives all of them."""
        if booking.find is None:
            return None
        find = booking.find.model_copy(update={"path": fill_path(booking.find.path, values), "query": fill_all(booking.find.query, values)})
        place = None
        for _ in range(MOST_FOUND_PAGES):
            page = fetch_page(self._api, find, place, find.paging.size, {})
            for row in page.rows:
                if dig(row, find.key) == values["key"]:
                    return self._read_found(find, row, currency)
            place = page.next if page.rows else None
            if place is None:
                return None
        raise ConnectionRefusedByBillingError(
            f"{find.path} has more than {MOST_FOUND_PAGES} pages in which a booking would be looked for; let its query name the key"
        )

    def _read_found(self, find: FoundBooking, row: Any, currency: str) -> BookedThere:
        try:
            amount = self._rows.parse_amount(dig(row, find.amount), currency, "amount") if find.amount else None
        except RowFaultError as error:
            raise ConnectionRefusedByBillingError(f"{find.path}: {error}; see 'amount' in the description of the booking") from error
        invoice = dig(row, find.invoice) if find.invoice else ""
        return BookedThere(str(dig(row, find.id) or ""), str(invoice), amount)

    def _send(self, booking: DescribedBooking, values: Mapping[str, str], build_unknown: Callable[[], BillingError]) -> str:
        """The id of what was booked; empty where the answer does not say it."""
        request = booking.request
        headers = fill_all(request.headers, values)
        if request.idempotency_header is not None:
            headers[request.idempotency_header] = values["key"]
        if any(not value.isprintable() or not value.isascii() for value in headers.values()):
            raise RefusedByBillingError(
                "a header of this request would have characters that no header may have; put the text into its body"
            )
        body = fill_body(request.body, values) if request.body is not None else None
        try:
            answer = self._api.send(
                request.method, fill_path(request.path, values), body, query=fill_all(request.query, values), headers=headers
            )
        except NotFoundThereError as error:
            raise build_unknown() from error
        except BillingAwayError as error:
            if request.idempotency_header is not None:
                raise
            raise build_unanswered_error(error) from error
        return str(dig(answer.read(), request.id) or "")


def _unknown_invoice(external_id: str) -> Callable[[], BillingError]:
    return lambda: UnknownInvoiceError(f"the billing system has no invoice of the id {external_id!r}; look for it there")


def _name_invoice(key: str, invoice: ExternalInvoice) -> dict[str, str]:
    return {"key": key, "invoice": invoice.external_id, "account": invoice.account_id, "number": invoice.number}


def _write_amount(amount: int, currency: str) -> dict[str, str]:
    return {"amount": f"{Money(minor=amount, currency=currency).major:f}", "minor": str(amount), "currency": currency}
