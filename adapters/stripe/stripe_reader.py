"""Reading Stripe: its changes, invoices, customers, open items and unassigned money.

Stripe lists by when a thing was made, newest first, and cannot be asked what was changed. What changed is told by its events, which it
keeps for thirty days: each says which invoice to read again, and nothing more is believed of it. So their order does not matter, nor that
several of one second have none.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adapters.billing.errors import RefusedByBillingError, UnknownAccountError, UnknownInvoiceError
from adapters.billing.external_records import (
    ChangePage,
    CreditPage,
    ExternalAccount,
    ExternalCredit,
    ExternalInvoice,
    InvoiceDocument,
    OpenReceivable,
    OpenReceivablePage,
)
from adapters.billing.unread_rows import build_each, require_built
from adapters.stripe.invoice_records import InvoiceParts, build_invoice, is_collected, is_issued, is_left_to_stripe, name_balance, name_cash
from adapters.stripe.stripe_api import NoSuchStripeObjectError, StripeApi, StripePage, StripeSettings
from adapters.stripe.stripe_records import Record, StripeInvoiceStatus, SubscriptionStatus, from_stripe, read_currency, read_day, read_id

OVERLAP = timedelta(minutes=2)
"""How long after its moment an event may take until it is listed. What is younger is read again."""
KEPT_FOR = timedelta(days=29)
"""Stripe keeps events for thirty days. Who comes later reads every invoice."""
EVENT_TYPES = (
    *("invoice.finalized", "invoice.updated", "invoice.paid", "invoice.voided", "invoice.marked_uncollectible", "invoice.overdue"),
    *("invoice.overpaid", "invoice.deleted", "invoice_payment.paid", "credit_note.created", "credit_note.updated", "credit_note.voided"),
    *("invoice.payment_failed", "customer.updated", "cash_balance.funds_available", "customer_cash_balance_transaction.created"),
)
STATUSES = (StripeInvoiceStatus.OPEN, StripeInvoiceStatus.UNCOLLECTIBLE)
"""Of invoices that are read at first: whatever else is settled."""
_EVERY = "every"
_LIVE = frozenset(
    {
        *(SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID),
        *(SubscriptionStatus.TRIALING, SubscriptionStatus.PAUSED),
    }
)


class StripeCursor(NamedTuple):
    """What is read next. `stock`: at first, invoices of this status, of whatever status, or None for events from `since` on; `after`: from
    behind this object. `following`: from when on events are read afterwards. Both are seconds by Stripe's clock."""

    stock: str | None
    since: int
    after: str | None
    following: int

    @classmethod
    def parse(cls, text: str | None) -> "StripeCursor":
        return cls(STATUSES[0].value, 0, None, 0) if text is None else cls(*json.loads(text))

    def __str__(self) -> str:
        return json.dumps(list(self))

    def start(self, server_time: datetime) -> "StripeCursor":
        """With the first page: what changes from now on is read when all pages are."""
        return self if self.following else self._replace(following=int((server_time - OVERLAP).timestamp()))

    def follow(self, page: StripePage) -> "StripeCursor | None":
        """The next page; None where this was the last."""
        return self._replace(after=page.records[-1]["id"]) if page.has_more and page.records else None

    def end(self) -> "StripeCursor":
        """The next status, or the events since."""
        place = STATUSES.index(self.stock) + 1 if self.stock in STATUSES else len(STATUSES)
        if self.stock is not None and place < len(STATUSES):
            return self._replace(stock=STATUSES[place], after=None)
        return StripeCursor(None, self.following, None, 0)


class StripeReader:
    def __init__(self, api: StripeApi, settings: StripeSettings) -> None:
        self._api, self._zone, self._chases_uncollectible = api, settings.time_zone, settings.chases_uncollectible
        self._automatic = settings.automatic

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        place = StripeCursor.parse(cursor)
        return self._read_events(place, limit) if place.stock is None else self._read_stock(place, limit)

    def _read_stock(self, place: StripeCursor, limit: int) -> ChangePage:
        """A page of all invoices. One that is deleted while they are read leaves no place to go on from: then they are read anew."""
        filters = {} if place.stock == _EVERY else {"status": str(place.stock)}
        try:
            page = self._api.list_page("invoices", limit, place.after, **filters)
        except NoSuchStripeObjectError:
            return ChangePage((), (), str(place._replace(after=None)), has_more=True)
        place = place.start(page.server_time)
        following = place.follow(page) or place.end()
        invoices, unread = build_each([record for record in page.records if self._is_asked_for(record)], self._complete, _name)
        return ChangePage(invoices, (), str(following), True, unread)

    def _read_events(self, place: StripeCursor, limit: int) -> ChangePage:
        try:
            page = self._api.list_page("events", limit, place.after, types=list(EVENT_TYPES), created={"gte": place.since})
        except NoSuchStripeObjectError:
            return ChangePage((), (), str(place._replace(after=None, following=0)), has_more=True)
        if page.server_time - datetime.fromtimestamp(place.since, UTC) > KEPT_FOR:
            return ChangePage((), (), str(StripeCursor(_EVERY, 0, None, 0)), has_more=True)
        place = place.start(page.server_time)
        following = place.follow(page)
        ids = list(dict.fromkeys(found for event in page.records if (found := find_invoice_id(event["data"]["object"])) is not None))
        records, gone, unknown = self._read_again(ids)
        invoices, unread = build_each(records, self._complete, _name)
        changes_credit = any(is_about_credit(event["data"]["object"]) for event in page.records)
        return ChangePage(invoices, gone, str(following or place.end()), following is not None, unread, changes_credit, unknown)

    def _is_asked_for(self, record: Record) -> bool:
        """Whether somebody is asked for it, or was once: what Stripe collects by itself is not there until it gives up."""
        return is_issued(record) and not is_left_to_stripe(record, self._automatic)

    def _read_again(self, ids: Sequence[str]) -> tuple[tuple[Record, ...], tuple[str, ...], tuple[str, ...]]:
        """Those that somebody is asked for, those that nobody is any more, and those that Stripe does not know."""
        issued, gone, unknown = list[Record](), list[str](), list[str]()
        for external_id in ids:
            try:
                record = self._api.read(f"invoices/{external_id}")
            except NoSuchStripeObjectError:
                unknown.append(external_id)
                continue
            if self._is_asked_for(record):
                issued.append(record)
            elif is_issued(record):
                gone.append(external_id)
        return tuple(issued), tuple(gone), tuple(unknown)

    def read_record(self, external_id: str) -> Record:
        """Raises UnknownInvoiceError."""
        try:
            record = self._api.read(f"invoices/{_quote(external_id)}")
        except NoSuchStripeObjectError as error:
            raise _build_unknown_invoice_error(external_id) from error
        if not is_issued(record):
            raise _build_unknown_invoice_error(external_id)
        return record

    def read_invoice(self, external_id: str) -> ExternalInvoice:
        record = self.read_record(external_id)
        if not self._is_asked_for(record):
            raise UnknownInvoiceError(f"Stripe collects invoice {record['number']} by itself, and has not given up; wait, or look there")
        return require_built(*build_each([record], self._complete, _name))

    def list_credit_notes(self, invoice_id: str) -> tuple[Record, ...]:
        return tuple(self._api.list_all("credit_notes", invoice=invoice_id))

    def _complete(self, record: Record) -> ExternalInvoice:
        """With what paid it, where anything did."""
        payments: tuple[Record, ...] = ()
        if record["amount_paid"]:
            expand = ["data.payment.payment_intent.latest_charge"]
            payments = tuple(
                self._api.list_all("invoice_payments", invoice=record["id"], status=StripeInvoiceStatus.PAID.value, expand=expand)
            )
        notes = self.list_credit_notes(record["id"]) if record["pre_payment_credit_notes_amount"] else ()
        return build_invoice(InvoiceParts(record, payments, notes), self._zone, chases_uncollectible=self._chases_uncollectible)

    def read_customer(self, account_id: str) -> Record:
        """Raises UnknownAccountError. A customer who was deleted is answered too, as a stub."""
        try:
            customer = self._api.read(f"customers/{_quote(account_id)}")
        except NoSuchStripeObjectError as error:
            raise UnknownAccountError(f"Stripe has no customer {account_id!r}; look for it there") from error
        if customer.get("deleted"):
            raise UnknownAccountError(f"the customer {account_id!r} was deleted in Stripe; collect their invoices by hand, or void them")
        return customer

    def list_live_subscriptions(self, account_id: str) -> list[Record]:
        """Those that are not over, the oldest first."""
        found = self._api.list_all("subscriptions", customer=account_id, status="all")
        return [subscription for subscription in found if subscription["status"] in _LIVE][::-1]

    def read_account(self, account_id: str) -> ExternalAccount:
        customer = self.read_customer(account_id)
        pauses = [is_paused(subscription) for subscription in self.list_live_subscriptions(account_id)]
        locale = next(iter(customer.get("preferred_locales") or []), None)
        return ExternalAccount(
            account_id=account_id,
            name=customer.get("name") or customer.get("description") or customer.get("email") or account_id,
            country=(customer.get("address") or {}).get("country"),
            language=locale.partition("-")[0].lower() if locale else None,
            emails=(customer["email"],) if customer.get("email") else (),
            suspended=all(pauses) if pauses else None,
        )

    def list_open_items(self, cursor: str | None, limit: int) -> OpenReceivablePage:
        status, _, after = (cursor or f"{STATUSES[0]}:").partition(":")
        try:
            page = self._api.list_page("invoices", limit, after or None, status=str(status))
        except NoSuchStripeObjectError as error:
            raise RefusedByBillingError(f"invoice {after} was deleted in Stripe while open items were listed; list them again") from error
        owed = [
            record
            for record in page.records
            if self._is_asked_for(record) and is_collected(record, chases_uncollectible=self._chases_uncollectible)
        ]
        found, unread = build_each(owed, _build_open_item, _name)
        items = tuple(item for item in found if item.open_balance > 0)
        if page.has_more and page.records:
            return OpenReceivablePage(items, f"{status}:{page.records[-1]['id']}", unread)
        is_last = status != STATUSES[0] or not self._chases_uncollectible
        return OpenReceivablePage(items, None if is_last else f"{STATUSES[1]}:", unread)

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        """Of all customers: what they have sent by bank transfer and no invoice has, and their credit balances. Stripe lists neither.
        What cannot be read of it is left out: nothing is chased for it."""
        page = self._api.list_page("customers", limit, cursor, expand=["data.cash_balance"])
        named = [(customer, *each) for customer in page.records for each in _list_unassigned(customer)]
        found, _ = build_each(named, lambda each: _build_credit(*each, self._zone), lambda each: each[1])
        return CreditPage(found, page.records[-1]["id"] if page.has_more and page.records else None)

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        record = self.read_record(external_id)
        if not record["invoice_pdf"]:
            raise RefusedByBillingError(f"Stripe has printed no invoice {record['number']} yet; look at it there")
        media_type, content = self._api.fetch(record["invoice_pdf"])
        return InvoiceDocument(f"{record['number']}.pdf", media_type, content)


def is_paused(subscription: Record) -> bool:
    """Return whether it is paused in either way, by whomever."""
    return subscription["status"] == SubscriptionStatus.PAUSED or subscription["pause_collection"] is not None


def is_about_credit(changed: Record) -> bool:
    """Of a customer, whose balance it may be, or of the money that a customer has sent."""
    return changed.get("object") in ("customer", "cash_balance", "customer_cash_balance_transaction")


def find_invoice_id(changed: Record) -> str | None:
    """Of an invoice, a payment of one, or a credit note; None of anything else."""
    return changed["id"] if changed.get("object") == "invoice" else read_id(changed.get("invoice"))


def _name(record: Record) -> str:
    return str(record["id"])


def _build_open_item(record: Record) -> OpenReceivable:
    currency = read_currency(record)
    remaining = from_stripe(record["amount_remaining"], currency)
    return OpenReceivable(record["id"], read_id(record["customer"]) or "", record["number"], currency, remaining)


def _list_unassigned(customer: Record) -> list[tuple[str, str, int]]:
    """Name, currency and amount, as Stripe counts it, of what a customer has and no invoice."""
    available = (customer.get("cash_balance") or {}).get("available") or {}
    found = [(name_cash(customer["id"], code.upper()), code.upper(), amount) for code, amount in sorted(available.items()) if amount > 0]
    if (customer.get("balance") or 0) < 0 and customer.get("currency"):
        currency = read_currency(customer)
        found.append((name_balance(customer["id"], currency), currency, -customer["balance"]))
    return found


def _build_credit(customer: Record, name: str, currency: str, amount: int, zone: ZoneInfo) -> ExternalCredit:
    came_on = read_day(customer["created"], zone)
    assert came_on is not None
    return ExternalCredit(name, customer["id"], False, currency, from_stripe(amount, currency), came_on)


def _quote(external_id: str) -> str:
    """As part of a path: an id of Stripe's has letters, digits and lines alone."""
    return external_id if external_id.replace("_", "").isalnum() and external_id.isascii() else "none"


def _build_unknown_invoice_error(external_id: str) -> UnknownInvoiceError:
    return UnknownInvoiceError(f"Stripe has no invoice of the id {external_id!r} that was issued; look for it there")
