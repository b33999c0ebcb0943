"""From Stripe's record of an invoice to what the port says of it.

What is owed is `amount_remaining`; by what it was paid is told by its InvoicePayments, its credit notes, and what it took of the customer's
credit balance. `paid` and `charge` are not fields of an invoice any more. One that was marked uncollectible was written off.
"""

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adapters.billing.external_records import DuePart, ExternalInvoice, Settlement, SettlementKind
from adapters.billing.invoice_closing import find_closing_status
from adapters.stripe.stripe_records import (
    CHARGE_AUTOMATICALLY,
    MARK,
    AutomaticInvoices,
    Record,
    StripeInvoiceStatus,
    from_stripe,
    read_currency,
    read_day,
    read_id,
)
from domain.billing.billing_events import InvoiceStatus

WRITTEN_OFF_BY = f"{MARK}_write_off"
"""In an invoice's metadata: the key by which Duecourse gave it up."""


class InvoiceParts(NamedTuple):
    """An invoice with its payments that are paid, and its credit notes."""

    invoice: Record
    payments: tuple[Record, ...]
    credit_notes: tuple[Record, ...]


def is_issued(record: Record) -> bool:
    """Return whether it asks money of a customer: a draft has no number, and one of less than nothing is the customer's credit."""
    return (
        record["status"] != StripeInvoiceStatus.DRAFT and bool(record["number"]) and record["total"] > 0 and record["customer"] is not None
    )


def is_collected(record: Record, *, chases_uncollectible: bool) -> bool:
    """Return whether what remains of it is owed."""
    if record["status"] == StripeInvoiceStatus.UNCOLLECTIBLE:
        return chases_uncollectible and WRITTEN_OFF_BY not in (record["metadata"] or {})
    return bool(record["status"] == StripeInvoiceStatus.OPEN)


def is_left_to_stripe(record: Record, automatic: AutomaticInvoices) -> bool:
    """Return whether nobody is asked for it, because Stripe collects it by itself and has not given up: it charges anew at
    `next_payment_attempt`, which is empty when it tries no more."""
    is_owed = record["status"] in (StripeInvoiceStatus.OPEN, StripeInvoiceStatus.UNCOLLECTIBLE)
    if not is_owed or record["collection_method"] != CHARGE_AUTOMATICALLY or automatic is AutomaticInvoices.ALWAYS:
        return False
    was_tried = record["attempted"] or not record["auto_advance"]
    return automatic is AutomaticInvoices.NEVER or not was_tried or record["next_payment_attempt"] is not None


def name_cash(customer: str, currency: str) -> str:
    """The money that a customer has sent by bank transfer and Stripe has not assigned: it has no name there, whatever it came by. So has
    what invoices were paid out of it."""
    return f"cash-{customer}-{currency}"


def name_balance(customer: str, currency: str) -> str:
    """The customer's credit balance, which the next invoice takes by itself."""
    return f"balance-{customer}-{currency}"


def build_invoice(parts: InvoiceParts, zone: ZoneInfo, *, chases_uncollectible: bool) -> ExternalInvoice:
    record, currency = parts.invoice, read_currency(parts.invoice)
    account_id = read_id(record["customer"]) or ""
    remaining = from_stripe(record["amount_remaining"], currency)
    settlements = _list_settlements(parts, zone)
    total = max(from_stripe(record["total"], currency), remaining + sum(each.amount for each in settlements))
    is_owed = is_collected(record, chases_uncollectible=chases_uncollectible)
    if record["status"] == StripeInvoiceStatus.UNCOLLECTIBLE and remaining > 0 and not is_owed:
        on = read_day(record["status_transitions"]["marked_uncollectible_at"], zone) or _read_due_day(record, zone)
        settlements = (*settlements, Settlement(f"uncollectible-{record['id']}", SettlementKind.WRITE_OFF, remaining, on))
    open_balance = remaining if is_owed else 0
    due = _read_due_day(record, zone)
    invoice = ExternalInvoice(
        external_id=record["id"],
        version="",
        account_id=account_id,
        number=record["number"],
        issue_date=_read_issue_day(record, zone),
        currency=currency,
        total=total,
        open_balance=open_balance,
        status=_find_status(record, open_balance, settlements),
        due_parts=(DuePart(due, total, open_balance),),
        settlements=settlements,
        ledger_currency=currency,
        reference=record["number"],
        payment_link=(record["hosted_invoice_url"] or "") if open_balance else "",
    )
    return invoice._replace(version=hashlib.sha256(repr(invoice).encode()).hexdigest()[:32])


def _read_issue_day(record: Record, zone: ZoneInfo) -> date:
    issued = record["effective_at"] or record["status_transitions"]["finalized_at"] or record["created"]
    return read_day(issued, zone) or date.min


def _read_due_day(record: Record, zone: ZoneInfo) -> date:
    """What is collected by itself has no due date: it is due when it is issued."""
    return read_day(record["due_date"], zone) or _read_issue_day(record, zone)


def _find_status(record: Record, open_balance: int, settlements: tuple[Settlement, ...]) -> InvoiceStatus:
    """What was credited whole is `paid` in Stripe too; what closed it says which."""
    if record["status"] == StripeInvoiceStatus.VOID:
        return InvoiceStatus.CANCELLED
    if open_balance:
        return InvoiceStatus.OPEN
    return find_closing_status(settlements)


def _list_settlements(parts: InvoiceParts, zone: ZoneInfo) -> tuple[Settlement, ...]:
    """The latest last; a credit note of the same second as a payment is what closed the invoice."""
    record = parts.invoice
    dated = [*_list_payments(parts, zone), *_list_credit_notes(parts, zone)]
    if (from_balance := _find_taken_balance(record, zone)) is not None:
        dated.append((0, 0, from_balance))
    return tuple(_merge_same(settlement for *_, settlement in sorted(dated, key=lambda each: each[:2])))


def _list_payments(parts: InvoiceParts, zone: ZoneInfo) -> Iterable[tuple[int, int, Settlement]]:
    currency = read_currency(parts.invoice)
    customer = read_id(parts.invoice["customer"]) or ""
    for payment in parts.payments:
        amount = from_stripe(payment["amount_paid"], currency)
        at = payment["status_transitions"]["paid_at"] or payment["created"]
        name = name_cash(customer, currency) if _is_from_cash(payment) else payment["id"]
        if amount > 0 and (on := read_day(at, zone)) is not None:
            yield at, 0, Settlement(name, SettlementKind.PAYMENT, amount, on)


def _is_from_cash(payment: Record) -> bool:
    """Return whether it was paid out of what the customer had sent before."""
    intent = payment["payment"].get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None
    return isinstance(charge, dict) and (charge.get("payment_method_details") or {}).get("type") == "customer_balance"


def _list_credit_notes(parts: InvoiceParts, zone: ZoneInfo) -> Iterable[tuple[int, int, Settlement]]:
    """Of a credit note, the invoice is owed less by what it had not been paid of it; the rest is refunded or becomes credit."""
    currency = read_currency(parts.invoice)
    for note in parts.credit_notes:
        amount = from_stripe(note["pre_payment_amount"], currency)
        if note["status"] == "issued" and amount > 0 and (on := read_day(note["created"], zone)) is not None:
            yield note["created"], 1, Settlement(note["id"], SettlementKind.CREDIT_NOTE, amount, on, note["number"])


def _find_taken_balance(record: Record, zone: ZoneInfo) -> Settlement | None:
    """What it took of the customer's credit, which stands there as less than nothing, when it was issued."""
    if record["ending_balance"] is None or record["starting_balance"] >= 0:
        return None
    currency = read_currency(record)
    taken = from_stripe(min(record["ending_balance"], 0) - record["starting_balance"], currency)
    name = name_balance(read_id(record["customer"]) or "", currency)
    return Settlement(name, SettlementKind.PAYMENT, taken, _read_issue_day(record, zone)) if taken > 0 else None


def _merge_same(settlements: Iterable[Settlement]) -> Iterable[Settlement]:
    """One for each name, at the place and day of the last."""
    merged: dict[str, Settlement] = {}
    for settlement in settlements:
        known = merged.pop(settlement.external_id, None)
        merged[settlement.external_id] = settlement._replace(amount=settlement.amount + (known.amount if known else 0))
    return merged.values()
