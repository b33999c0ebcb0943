"""From Kill Bill's record of an invoice to what the port says of it.

`amount` is what is charged less what items were adjusted by; `creditAdj` is the account's credit that the invoice used (negative) or made;
`balance` is 0 of a draft, of what is void, and of what is tagged as written off. By what an invoice was paid stands elsewhere.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from adapters.billing.errors import RefusedByBillingError
from adapters.billing.external_records import DuePart, ExternalInvoice, Settlement, SettlementKind
from adapters.billing.invoice_closing import find_closing_status
from adapters.killbill.killbill_api import Record, get_text
from domain.billing.billing_events import InvoiceStatus
from domain.money import CURRENCIES, MAX_MINOR_UNITS, Money, minor_digits

WRITTEN_OFF = "00000000-0000-0000-0000-000000000004"
"""The tag that gives up what an invoice is still owed."""
_MARK = re.compile(r"\[duecourse [^\s\]]+(?P<write_off> write-off)?\] (?P<amount>[0-9.]+) [A-Z]{3}(?::|$)")
CHARGES = ("EXTERNAL_CHARGE", "RECURRING", "FIXED", "USAGE", "TAX")
"""The kinds of items that can be adjusted."""
LONGEST_MARK, LONGEST_TEXT = 100, 255
"""Characters of a key as it stands in Kill Bill, and of a text there."""


def mark_key(key: str, *, is_write_off: bool = False) -> str:
    """By which what was booked for a key is found again. A long key stands as its hash."""
    word = key if len(key) <= LONGEST_MARK and not set(key) & set(" []") else hashlib.sha256(key.encode()).hexdigest()
    return f"[duecourse {word}{' write-off' if is_write_off else ''}]"


def to_minor(value: Any, currency: str, name: str) -> int:
    """Raises RefusedByBillingError for what is no amount of the currency."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise RefusedByBillingError(f"Kill Bill gives a {name!r} that is no number")
    if currency not in CURRENCIES:
        raise RefusedByBillingError(f"currency {currency!r} is no ISO 4217 code")
    minor = Decimal(value).scaleb(minor_digits(currency))
    if minor != minor.to_integral_value() or abs(minor) > MAX_MINOR_UNITS:
        raise RefusedByBillingError(f"Kill Bill gives {value} {currency} as {name!r}, which is no amount of that currency")
    return int(minor)


def to_major(minor: int, currency: str) -> str:
    return f"{Money(minor=minor, currency=currency).major:f}"


def read_day(record: Record, name: str) -> date:
    """A day, also of a moment."""
    try:
        return date.fromisoformat(get_text(record, name)[:10])
    except ValueError as error:
        raise RefusedByBillingError(f"Kill Bill gives a {name!r} that is no date") from error


def list_entries(record: Record, name: str) -> list[Record]:
    entries = record.get(name)
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def list_items(record: Record, *kinds: str) -> list[Record]:
    return [each for each in list_entries(record, "items") if each.get("itemType") in kinds]


def find_total(record: Record) -> int:
    """What the invoice asked for before anything of it was credited, in minor units."""
    currency = get_text(record, "currency")
    adjusted = sum(to_minor(item.get("amount"), currency, "amount") for item in list_items(record, "ITEM_ADJ"))
    return to_minor(record.get("amount"), currency, "amount") - adjusted


def is_invoice(record: Record) -> bool:
    """Return whether it asks money of a customer: a draft does not, nor a credit, which is an invoice over nothing."""
    return get_text(record, "status") in ("COMMITTED", "VOID") and find_total(record) > 0


def count_paid(record: Record) -> int:
    """What is no longer asked for of what was charged and not credited: it was paid, or is written off."""
    currency = get_text(record, "currency")
    asked = to_minor(record.get("amount"), currency, "amount") + to_minor(record.get("creditAdj"), currency, "creditAdj")
    return max(asked - to_minor(record.get("balance"), currency, "balance"), 0)


def count_payments(record: Record, payments: Sequence[Record]) -> int:
    """What the payments come to, less what was paid back."""
    currency = get_text(record, "currency")
    own = (each for each in payments if each.get("currency") == currency)
    paid = sum(to_minor(each.get("purchasedAmount"), currency, "purchasedAmount") for each in own)
    return max(paid + to_minor(record.get("refundAdj"), currency, "refundAdj"), 0)


def describe_adjustment(mark: str, amount: int, currency: str, text: str = "") -> str:
    """What stands at an adjusted item: the key, and what was to be adjusted for it in all."""
    said = " ".join(text.split())
    return f"{mark} {to_major(amount, currency)} {currency}{f': {said}' if said else ''}"[:LONGEST_TEXT]


def find_marked(record: Record, mark: str) -> tuple[list[Record], str]:
    """The items that were adjusted for a key, and what was to be adjusted for it in all, as it stands there."""
    items = [each for each in list_items(record, "ITEM_ADJ") if get_text(each, "description").startswith(f"{mark} ")]
    said = _MARK.match(get_text(items[0], "description")) if items else None
    return items, said["amount"] if said else ""


def list_adjustable(record: Record) -> list[tuple[str, int]]:
    """(item, minor units that are left of it) of what was charged, the largest first."""
    currency = get_text(record, "currency")
    left = {get_text(each, "invoiceItemId"): to_minor(each.get("amount"), currency, "amount") for each in list_items(record, *CHARGES)}
    for item in list_items(record, "ITEM_ADJ"):
        linked = get_text(item, "linkedInvoiceItemId")
        if linked in left:
            left[linked] += to_minor(item.get("amount"), currency, "amount")
    return sorted(((item, amount) for item, amount in left.items() if amount > 0), key=lambda each: -each[1])


def build_invoice(record: Record, payments: Sequence[Record], terms_days: int, written_off: date | None) -> ExternalInvoice:
    """`payments`: those of this invoice, the earliest first. `written_off`: when it was tagged so. Raises RefusedByBillingError for what
    Kill Bill should not say."""
    currency, total = get_text(record, "currency"), find_total(record)
    is_void = get_text(record, "status") == "VOID"
    open_balance = 0 if is_void else max(min(to_minor(record.get("balance"), currency, "balance"), total), 0)
    credited = _list_credited(record, currency)
    paid = _list_paid(payments, currency, count_paid(record) if written_off is None else count_payments(record, payments))
    settlements = sorted((*paid, *credited), key=lambda each: each.settled_on)
    rest = total - open_balance - sum(each.amount for each in settlements)
    if written_off is not None and rest > 0 and not is_void:
        settlements.append(Settlement(f"write-off-{get_text(record, 'invoiceId')}", SettlementKind.WRITE_OFF, rest, written_off))
    issued = read_day(record, "invoiceDate")
    return ExternalInvoice(
        external_id=get_text(record, "invoiceId"),
        version=hashlib.sha256(repr((record, payments, written_off)).encode()).hexdigest()[:32],
        account_id=get_text(record, "accountId"),
        number=get_text(record, "invoiceNumber"),
        issue_date=issued,
        currency=currency,
        total=total,
        open_balance=open_balance,
        status=_find_status(settlements, open_balance, is_void=is_void),
        due_parts=(DuePart(issued + timedelta(terms_days), total, open_balance),),
        settlements=tuple(settlements),
        ledger_currency=currency,
    )


def _find_status(settlements: Sequence[Settlement], open_balance: int, *, is_void: bool) -> InvoiceStatus:
    if is_void:
        return InvoiceStatus.CANCELLED
    if open_balance:
        return InvoiceStatus.OPEN
    return find_closing_status(settlements)


def _list_credited(record: Record, currency: str) -> list[Settlement]:
    """Items that were adjusted, by which something is given up too, where Duecourse wrote so; and credit of the account that was used."""
    found = []
    for item in list_items(record, "ITEM_ADJ", "CBA_ADJ"):
        amount = -to_minor(item.get("amount"), currency, "amount")
        mark = _MARK.match(get_text(item, "description"))
        kind = SettlementKind.WRITE_OFF if mark and mark["write_off"] else SettlementKind.CREDIT_NOTE
        if amount > 0:
            found.append(Settlement(f"item-{get_text(item, 'invoiceItemId')}", kind, amount, read_day(item, "startDate")))
    return found


def _list_paid(payments: Sequence[Record], currency: str, left: int) -> list[Settlement]:
    """What was paid back lessens the latest payments."""
    found = []
    for payment in payments:
        if payment.get("currency") != currency:
            continue
        amount = min(to_minor(payment.get("purchasedAmount"), currency, "purchasedAmount"), left)
        transactions = [each for each in list_entries(payment, "transactions") if each.get("effectiveDate")]
        if amount <= 0 or not transactions:
            continue
        left -= amount
        on = read_day(transactions[0], "effectiveDate")
        found.append(
            Settlement(f"payment-{get_text(payment, 'paymentId')}", SettlementKind.PAYMENT, amount, on, get_text(payment, "paymentNumber"))
        )
    return found
