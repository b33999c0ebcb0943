"""From Odoo's records of an invoice to what the port says of it.

What is owed is `amount_residual`, and of each due date `amount_residual_currency` of its line. By what it was paid is told by the partial
reconciliations of these lines, each with a line of a payment, a credit note or another posting. A payment that was registered and has not
reached the bank may have no posting yet (since Odoo 18), and the residual is as it was. It counts as paid, for it is not to be asked for;
when it fails, Odoo says so. It may be part of what is owed: Odoo calls the invoice `in_payment` (without its app Accounting: `paid`) all
the same, and the rest is owed.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from adapters.billing.external_records import DuePart, ExternalInvoice, Settlement, SettlementKind
from adapters.billing.invoice_closing import find_closing_status
from adapters.billing.settlement_names import merge_settlements
from adapters.odoo.odoo_records import Record, read_date, read_name, read_reference, read_text, to_minor
from domain.billing.billing_events import InvoiceStatus


class MoveState(StrEnum):
    """Of a posting."""

    DRAFT = "draft"
    POSTED = "posted"
    CANCEL = "cancel"


class PaymentState(StrEnum):
    """Of an invoice that is posted and that Odoo calls settled; of what is IN_PAYMENT or PAID, something may be owed still. In any other
    state it is owed, also where it is kept from Odoo's own reminders (`blocked`)."""

    IN_PAYMENT = "in_payment"
    PAID = "paid"
    REVERSED = "reversed"


class RegisteredState(StrEnum):
    """Of a payment that counts: one that is IN_PROCESS has not reached the bank, one that is PAID has."""

    IN_PROCESS = "in_process"
    PAID = "paid"


_SETTLED = (PaymentState.IN_PAYMENT, PaymentState.PAID, PaymentState.REVERSED)
PAYMENTS = "matched_payment_ids"
"""Of an invoice, the payments that were registered for it: their ids, or, where the residual is not paid, those that have no posting."""
INVOICE_FIELDS = (
    *("name", "state", "payment_state", "move_type", "write_date", "invoice_date", "invoice_date_due", "amount_total", "amount_residual"),
    *(
        "currency_id",
        "company_currency_id",
        "company_id",
        "commercial_partner_id",
        "partner_id",
        "payment_reference",
        "ref",
        "posted_before",
    ),
    *("access_url", "access_token", PAYMENTS),
)
PAYMENT_FIELDS = ("amount", "currency_id", "state", "move_id", "date")
DUE_FIELDS = ("move_id", "date_maturity", "amount_currency", "balance", "amount_residual_currency", "account_id")
PARTIAL_FIELDS = ("debit_move_id", "credit_move_id", "debit_amount_currency", "max_date")
PAYING_FIELDS = ("move_id", "move_type", "journal_id", "date", "ref", "name")
CREDIT_NOTE, INVOICE, ENTRY = "out_refund", "out_invoice", "entry"
BOOKED_BY = "duecourse:"
"""With which the reference begins of what Duecourse posts."""


class MoveParts(NamedTuple):
    """An invoice with its lines that are due, their partial reconciliations, and by id the lines that paid them."""

    move: Record
    due_lines: Sequence[Record]
    partials: Sequence[Record]
    paying_lines: Mapping[int, Record]


def is_issued(move: Record) -> bool:
    """Return whether it asks money of a customer: a draft has no number that stays."""
    issued = move["move_type"] == INVOICE and move["state"] in (MoveState.POSTED, MoveState.CANCEL)
    return issued and bool(read_text(move["name"]).strip("/")) and move["amount_total"] > 0 and read_date(move["invoice_date"]) is not None


def is_drawn_back(move: Record) -> bool:
    """Return whether it was issued once, and is a draft again."""
    return bool(move["state"] == MoveState.DRAFT and move["posted_before"])


def read_currency(record: Record) -> str:
    return read_name(record["currency_id"])


def read_open_balance(move: Record) -> int:
    """Where Odoo says that it is settled, and nothing tells how much of it, all is: an app of its own may collect it."""
    residual = to_minor(move["amount_residual"], read_currency(move))
    if move["state"] != MoveState.POSTED or residual <= 0:
        return 0
    payments = list_unposted_payments(move)
    if not payments:
        return 0 if move["payment_state"] in _SETTLED else residual
    if any(read_currency(payment) != read_currency(move) for payment in payments):
        return 0
    return max(residual - sum(to_minor(payment["amount"], read_currency(move)) for payment in payments), 0)


def list_unposted_payments(move: Record) -> list[Record]:
    """Those that the residual does not count. One that has reached the bank and has no posting is counted by the bank's line, where the
    invoice has any."""
    if not move["amount_residual"]:
        return []
    counted = {RegisteredState.IN_PROCESS, *([RegisteredState.PAID] if move["amount_residual"] == move["amount_total"] else [])}
    return [payment for payment in move[PAYMENTS] if not payment["move_id"] and payment["state"] in counted]


def build_invoice(parts: MoveParts, address: str, write_off_journal: int | None) -> ExternalInvoice:
    move, currency = parts.move, read_currency(parts.move)
    total, open_balance = to_minor(move["amount_total"], currency), read_open_balance(move)
    settlements = _list_settlements(parts, total - open_balance, write_off_journal)
    issue_date = read_date(move["invoice_date"])
    assert issue_date is not None
    token = read_text(move["access_token"])
    return ExternalInvoice(
        external_id=str(move["id"]),
        version=f"{move['write_date']} {move['payment_state']} {open_balance}",
        account_id=str(read_customer(move)),
        number=move["name"],
        issue_date=issue_date,
        currency=currency,
        total=total,
        open_balance=open_balance,
        status=_find_status(move, open_balance, settlements),
        due_parts=_list_due_parts(parts, total, open_balance, issue_date),
        settlements=settlements,
        ledger_currency=read_name(move["company_currency_id"]),
        reference=read_text(move["payment_reference"]) or move["name"],
        payment_link=f"{address}{move['access_url']}?access_token={token}" if token and open_balance else "",
    )


def read_customer(move: Record) -> int | None:
    """The company that owes, not the person of it to whom the invoice is addressed."""
    return read_reference(move["commercial_partner_id"]) or read_reference(move["partner_id"])


def _find_status(move: Record, open_balance: int, settlements: tuple[Settlement, ...]) -> InvoiceStatus:
    if move["state"] == MoveState.CANCEL:
        return InvoiceStatus.CANCELLED
    if open_balance:
        return InvoiceStatus.OPEN
    if move["payment_state"] == PaymentState.REVERSED:
        return InvoiceStatus.CREDITED
    return find_closing_status(settlements)


def _list_due_parts(parts: MoveParts, total: int, open_balance: int, issue_date: date) -> tuple[DuePart, ...]:
    """One for each due date; what is in payment counts for the earliest."""
    currency = read_currency(parts.move)
    last = read_date(parts.move["invoice_date_due"]) or issue_date
    found: dict[date, list[Decimal]] = {}
    for line in parts.due_lines:
        part = found.setdefault(read_date(line["date_maturity"]) or last, [Decimal(0), Decimal(0)])
        part[0] += line["amount_currency"]
        part[1] += line["amount_residual_currency"]
    if not found:
        return (DuePart(last, total, open_balance),)
    owed = [(due, to_minor(amount, currency), max(to_minor(left, currency), 0)) for due, (amount, left) in sorted(found.items())]
    in_payment = max(sum(left for *_, left in owed) - open_balance, 0)
    due_parts = []
    for due, amount, left in owed:
        taken = min(in_payment, left)
        in_payment -= taken
        due_parts.append(DuePart(due, amount, left - taken))
    return tuple(due_parts)


def _list_settlements(parts: MoveParts, settled: int, write_off_journal: int | None) -> tuple[Settlement, ...]:
    """The latest last. What is in payment and has no posting yet is one payment, until it has one."""
    move, currency = parts.move, read_currency(parts.move)
    found: list[Settlement] = []
    for partial in sorted(parts.partials, key=lambda each: (str(each["max_date"]), each["id"])):
        line = parts.paying_lines.get(read_reference(partial["credit_move_id"]) or 0)
        amount = to_minor(partial["debit_amount_currency"], currency)
        if line is not None and amount > 0 and (on := read_date(line["date"])) is not None:
            kind = find_settlement_kind(line, write_off_journal)
            found.append(Settlement(name_line(line), kind, amount, on, read_text(line["ref"]) or read_name(line["move_id"])))
    rest = settled - sum(each.amount for each in found)
    registered = list_unposted_payments(move)
    on = max((day for each in registered if (day := read_date(each["date"]))), default=read_date(move["invoice_date_due"]))
    if (registered or move["payment_state"] == PaymentState.IN_PAYMENT) and rest > 0 and on is not None:
        found.append(Settlement(f"in-payment-{move['id']}", SettlementKind.PAYMENT, rest, on))
    return tuple(merge_settlements(found))


def name_line(line: Record) -> str:
    """A line of a posting in the customer's favour, before and after an invoice takes it."""
    return f"line-{line['id']}"


def find_settlement_kind(line: Record, write_off_journal: int | None) -> SettlementKind:
    """Every posting of the write-off journal is a write-off, by whomever."""
    if line["move_type"] == CREDIT_NOTE:
        return SettlementKind.CREDIT_NOTE
    if line["move_type"] == ENTRY and write_off_journal is not None and read_reference(line["journal_id"]) == write_off_journal:
        return SettlementKind.WRITE_OFF
    return SettlementKind.PAYMENT
