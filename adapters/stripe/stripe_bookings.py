"""Booking in Stripe: credit notes and write-offs, each with its key in the object's metadata, and looked for there before it is made.

Stripe's own idempotency keys last a day: they keep apart two calls at once, and what was booked a moment ago, which its search finds only
after a minute.
"""

from datetime import date
from typing import Final

from adapters.billing.errors import (
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    CurrencyMismatchError,
    ExcessiveCreditError,
    InvalidAmountError,
    UnsupportedOperationError,
)
from adapters.billing.external_records import ExternalBooking
from adapters.stripe.invoice_records import WRITTEN_OFF_BY
from adapters.stripe.stripe_api import StripeApi
from adapters.stripe.stripe_reader import StripeReader
from adapters.stripe.stripe_records import MARK, Record, StripeInvoiceStatus, from_stripe, read_currency, read_id, to_stripe
from domain.billing.billing_events import InvoiceStatus
from domain.money import Money

CREDITED_BY: Final = f"{MARK}_key"
_WRITTEN_OFF: Final = f"{MARK}_write_off_amount"
_LONGEST_MEMO = 500


class StripeBookings:
    def __init__(self, api: StripeApi, reader: StripeReader) -> None:
        self._api, self._reader = api, reader

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        record = self._reader.read_record(external_id)
        _require_amount(record, amount, currency)
        mine = [note for note in self._api.list_all("credit_notes", customer=read_id(record["customer"])) if _read_key(note) == key]
        issued = [note for note in mine if note["status"] == "issued"]
        if issued:
            if (read_id(issued[0]["invoice"]), from_stripe(issued[0]["amount"], currency)) != (external_id, amount):
                raise ConflictingCreditNoteError(f"credit note {key!r} was issued with other content; give this one its own key")
            return ExternalBooking(issued[0]["id"], amount, repeated=True)
        self._require_creditable(external_id, amount)
        try:
            note = self._api.change(
                "credit_notes",
                f"{MARK}-credit-{key}-{len(mine)}",
                invoice=external_id,
                amount=to_stripe(amount, currency),
                email_type="none",
                metadata={CREDITED_BY: key},
                **({"memo": reason[:_LONGEST_MEMO]} if reason else {}),
            )
        except ConflictingBookingError as error:
            raise ConflictingCreditNoteError(f"credit note {key!r} was issued with other content; give this one its own key") from error
        return ExternalBooking(note["id"], amount, repeated=False)

    def _require_creditable(self, external_id: str, amount: int) -> None:
        facts = self._reader.read_invoice(external_id)
        if facts.status is InvoiceStatus.CANCELLED:
            raise CancelledInvoiceError(f"invoice {facts.number} is void in Stripe; there is nothing to credit")
        if amount > facts.open_balance:
            left = Money(minor=facts.open_balance, currency=facts.currency).major
            raise ExcessiveCreditError(f"invoice {facts.number} owes no more than {facts.currency} {left} by now; credit less")

    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        """Stripe gives up an invoice only whole, and today. It is said in its metadata first by which key, so that whoever carries on what
        was interrupted knows it."""
        record = self._reader.read_record(external_id)
        _require_amount(record, amount, currency)
        self._require_unused(key, external_id, read_id(record["customer"]))
        metadata = record["metadata"] or {}
        remaining = from_stripe(record["amount_remaining"], currency)
        given_up_at = (record["status_transitions"] or {}).get("marked_uncollectible_at")
        if metadata.get(WRITTEN_OFF_BY) == key and record["status"] != StripeInvoiceStatus.OPEN and given_up_at is not None:
            return ExternalBooking(external_id, int(metadata[_WRITTEN_OFF]), repeated=True)
        if record["status"] != StripeInvoiceStatus.OPEN or not remaining:
            return ExternalBooking("", 0, repeated=False)
        if amount < remaining:
            left, part = (Money(minor=each, currency=currency).major for each in (remaining, amount))
            raise UnsupportedOperationError(
                f"Stripe gives up an invoice only whole: of invoice {record['number']} {left} {currency} are open; credit {part} "
                f"{currency} of it there (Issue a credit note), or mark it uncollectible"
            )
        notes = {WRITTEN_OFF_BY: key, _WRITTEN_OFF: str(remaining)}
        self._api.change(f"invoices/{external_id}", f"{MARK}-write-off-note-{key}-{remaining}", metadata=notes)
        self._api.change(f"invoices/{external_id}/mark_uncollectible", f"{MARK}-write-off-{key}")
        return ExternalBooking(external_id, remaining, repeated=False)

    def _require_unused(self, key: str, external_id: str, customer: str | None) -> None:
        """Among the customer's, of which the latest are known too, and those of others that Stripe's search finds."""
        given_up = self._api.list_all("invoices", customer=customer, status=StripeInvoiceStatus.UNCOLLECTIBLE.value)
        of_customer = [invoice for invoice in given_up if (invoice["metadata"] or {}).get(WRITTEN_OFF_BY) == key]
        query = "metadata['{}']:'{}'".format(WRITTEN_OFF_BY, key.replace("\\", "\\\\").replace("'", "\\'"))
        found = self._api.read("invoices/search", query=query, limit=2)["data"]
        if any(invoice["id"] != external_id for invoice in (*of_customer, *found)):
            raise ConflictingBookingError(f"the key {key!r} was used before, for something else; give this its own")


def _read_key(note: Record) -> str | None:
    return (note["metadata"] or {}).get(CREDITED_BY)


def _require_amount(record: Record, amount: int, currency: str) -> None:
    if amount <= 0:
        raise InvalidAmountError("an amount that is credited or written off is more than nothing")
    if read_currency(record) != currency:
        raise CurrencyMismatchError(f"invoice {record['number']} is in {read_currency(record)}, and this in {currency}; decide it anew")
