"""Booking in Kill Bill: a credit note adjusts items, a write-off of the whole is a tag, and one of a part adjusts items too.

Kill Bill would adjust an item as often as it is told. So the account's custom field says first that it is told, and when; whoever finds
that, and less on the invoice than was to be booked, waits some minutes: the call may still be running there.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from adapters.billing.errors import (
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    CurrencyMismatchError,
    ExcessiveCreditError,
    InvalidAmountError,
    RefusedByBillingError,
    UnansweredOrderError,
)
from adapters.billing.external_records import ExternalBooking
from adapters.billing.unanswered_orders import RUNS_AT_MOST
from adapters.killbill.invoice_records import (
    WRITTEN_OFF,
    describe_adjustment,
    find_marked,
    list_adjustable,
    mark_key,
    to_major,
    to_minor,
)
from adapters.killbill.killbill_api import KillBillApi, Record, get_text, name_path
from adapters.killbill.killbill_orders import KillBillOrders
from adapters.killbill.killbill_reader import KillBillReader
from adapters.real_time import find_real_now

_LONGEST_CALL = timedelta(seconds=RUNS_AT_MOST)
_AT = " at "


class KillBillBookings:
    def __init__(
        self, api: KillBillApi, reader: KillBillReader, orders: KillBillOrders, real_now: Callable[[], datetime] | None = None
    ) -> None:
        self._api, self._reader, self._orders = api, reader, orders
        self._real_now = real_now or find_real_now

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        record, mark = self._read(external_id, amount, currency), mark_key(key)
        items, said = find_marked(record, mark)
        if items and said != to_major(amount, currency):
            raise ConflictingCreditNoteError(f"credit note {key!r} was issued with other content; give this one its own key")
        booked = _count_booked(record, items, amount)
        if booked < amount:
            told = f"credit-note:{key}"
            self._require_answered(self._orders.find(get_text(record, "accountId"), told).text)
            if not items:
                _require_creditable(record, amount)
            order = f"credit note of {to_major(amount, currency)} {currency}, of invoice {external_id}"
            self._adjust(record, amount - booked, describe_adjustment(mark, amount, currency, reason), told, order)
            items, _ = find_marked(self._reader.read_record(external_id), mark)
        return ExternalBooking(f"item-{get_text(items[0], 'invoiceItemId')}" if items else "", amount, repeated=booked >= amount)

    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        """Kill Bill dates it itself, on the day on which it is booked."""
        record = self._read(external_id, amount, currency)
        account_id, owed = get_text(record, "accountId"), to_minor(record.get("balance"), currency, "balance")
        order = self._orders.find(account_id, key)
        if order.text:
            given_up, is_whole = _read_order(order.text, key, external_id, currency)
        else:
            given_up, is_whole = min(amount, owed), amount >= owed
            if given_up <= 0:
                return ExternalBooking("", 0, repeated=False)
        said = _write_order(given_up, currency, external_id, is_whole=is_whole)
        if not order.is_done:
            if is_whole:
                if not order.text:
                    self._orders.begin(account_id, key, said)
                self._tag(record)
            else:
                self._give_up_part(record, given_up, key, order.text, said)
            self._orders.finish(account_id, key)
        return ExternalBooking(f"write-off-{external_id}", given_up, repeated=order.is_done)

    def _read(self, external_id: str, amount: int, currency: str) -> Record:
        record = self._reader.read_issued(external_id)
        if amount <= 0:
            raise InvalidAmountError("an amount that is credited or written off is more than nothing")
        if get_text(record, "currency") != currency:
            raise CurrencyMismatchError(f"invoice {get_text(record, 'invoiceNumber')} is in {get_text(record, 'currency')}; decide it anew")
        return record

    def _tag(self, record: Record) -> None:
        if self._reader.find_write_off(record) is None:
            self._api.send("POST", name_path("invoices", get_text(record, "invoiceId"), "tags"), [WRITTEN_OFF])

    def _give_up_part(self, record: Record, amount: int, key: str, told: str, order: str) -> None:
        currency, mark = get_text(record, "currency"), mark_key(key, is_write_off=True)
        items, _ = find_marked(record, mark)
        booked = _count_booked(record, items, amount)
        if booked < amount:
            self._require_answered(told)
            self._adjust(record, amount - booked, describe_adjustment(mark, amount, currency), key, order)

    def _require_answered(self, told: str) -> None:
        """`told`: the order, as it was noted when Kill Bill was told so last. Raises UnansweredOrderError while that may still be
        running."""
        at = _read_moment(told)
        if at is not None and (left := at + _LONGEST_CALL - self._real_now()) > timedelta():
            raise UnansweredOrderError("Kill Bill was told so, and has not answered; it may still be booking it", left.total_seconds())

    def _adjust(self, record: Record, amount: int, description: str, key: str, order: str) -> None:
        """Item by item, the largest first; `order` is noted for the key before each, with the moment. Raises RefusedByBillingError
        where the items have not so much left; nothing is booked then."""
        currency, left = get_text(record, "currency"), amount
        adjustable = list_adjustable(record)
        if sum(each for _, each in adjustable) < amount:
            number = get_text(record, "invoiceNumber")
            raise RefusedByBillingError(
                f"the items of invoice {number} have less left than {to_major(amount, currency)} {currency}; credit it there"
            )
        for item, most in adjustable:
            part = min(most, left)
            if part <= 0:
                break
            body = {
                "accountId": get_text(record, "accountId"),
                "invoiceItemId": item,
                "amount": to_major(part, currency),
                "currency": currency,
                "description": description,
            }
            self._orders.begin(get_text(record, "accountId"), key, f"{order}{_AT}{self._real_now().isoformat(timespec='seconds')}")
            self._api.send("POST", name_path("invoices", get_text(record, "invoiceId")), body)
            left -= part


def _count_booked(record: Record, items: Sequence[Record], amount: int) -> int:
    """In minor units. Raises RefusedByBillingError where it is more than was to be booked."""
    currency = get_text(record, "currency")
    booked = -sum(to_minor(item.get("amount"), currency, "amount") for item in items)
    if booked > amount:
        raise RefusedByBillingError(
            f"invoice {get_text(record, 'invoiceNumber')} was adjusted by {to_major(booked, currency)} {currency} where "
            f"{to_major(amount, currency)} was ordered; put it right there"
        )
    return booked


def _read_moment(told: str) -> datetime | None:
    """When an order was noted; None where it was not, or by a Duecourse that did not say it."""
    try:
        return datetime.fromisoformat(told.rpartition(_AT)[2])
    except ValueError:
        return None


def _require_creditable(record: Record, amount: int) -> None:
    currency, number = get_text(record, "currency"), get_text(record, "invoiceNumber")
    if get_text(record, "status") == "VOID":
        raise CancelledInvoiceError(f"invoice {number} is void in Kill Bill; there is nothing to credit")
    if amount > (owed := to_minor(record.get("balance"), currency, "balance")):
        raise ExcessiveCreditError(f"invoice {number} owes no more than {currency} {to_major(owed, currency)} by now; credit less")


def _write_order(amount: int, currency: str, external_id: str, *, is_whole: bool) -> str:
    return f"write-off of {'all, ' if is_whole else 'part, '}{to_major(amount, currency)} {currency}, of invoice {external_id}"


def _read_order(text: str, key: str, external_id: str, currency: str) -> tuple[int, bool]:
    """What was to be given up, and whether it was all. Raises ConflictingBookingError for an order of something else."""
    parts = text.partition(_AT)[0].split()
    if len(parts) == 8 and parts[0] == "write-off" and parts[-1] == external_id and parts[4] == f"{currency},":
        return to_minor(Decimal(parts[3]), currency, "amount"), parts[2] == "all,"
    raise ConflictingBookingError(f"the key {key!r} was used before, for something else; give this its own")
