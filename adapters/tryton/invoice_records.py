"""From Tryton's record of an invoice to what the port says of it.

What is owed is `amount_to_pay`: it counts the lines that pay the invoice, whether they are reconciled with it yet or not. By what it was
paid stands in two lists: `payment_lines` and, once it is reconciled, `reconciliation_lines`, which has lines of other invoices too where
they were paid together.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from adapters.billing.external_records import DuePart, ExternalInvoice, Settlement, SettlementKind
from adapters.billing.invoice_closing import find_closing_status
from adapters.tryton.tryton_records import Record, dig, parse_reference, to_minor
from domain.billing.billing_events import InvoiceStatus

_LINE_FIELDS = ("debit", "credit", "amount_second_currency", "second_currency.code", "reconciliation")
_PAYING_FIELDS = (*_LINE_FIELDS, "move.date", "move.number", "move.origin", "move.description", "move.journal.type")
INVOICE_FIELDS = (
    "number",
    "state",
    "write_date",
    "invoice_date",
    "total_amount",
    "amount_to_pay",
    "customer_payment_reference",
    "party",
    "currency.code",
    "company.currency.code",
    "cancel_move.origin",
    *(f"lines_to_pay.{field}" for field in ("maturity_date", *_LINE_FIELDS)),
    *(f"payment_lines.{field}" for field in _PAYING_FIELDS),
    *(f"reconciliation_lines.{field}" for field in _PAYING_FIELDS),
)
ISSUED_STATES = ("posted", "paid", "cancelled")
"""Of an invoice that has a number; before that it is a draft."""


class _PayingLine(NamedTuple):
    """A line that pays an invoice, in minor units of the invoice's currency."""

    amount: int
    paid_on: date
    line_id: int
    reconciliation: int | None
    kind: SettlementKind
    reference: str


def is_invoice(record: Record) -> bool:
    """Return whether it asks money of a customer: a credit note is an invoice with a negative total, and a draft has no number."""
    return record["number"] is not None and record["state"] in ISSUED_STATES and record["total_amount"] > 0


def build_invoice(record: Record) -> ExternalInvoice:
    currency = record["currency"]["code"]
    open_balance = max(to_minor(record["amount_to_pay"], currency), 0) if record["state"] == "posted" else 0
    total = to_minor(record["total_amount"], currency)
    settlements = _list_settlements(record, total - open_balance)
    return ExternalInvoice(
        external_id=str(record["id"]),
        version=record["write_date"].isoformat(),
        account_id=str(record["party"]),
        number=record["number"],
        issue_date=record["invoice_date"],
        currency=currency,
        total=total,
        open_balance=open_balance,
        status=_find_status(record, open_balance, settlements),
        due_parts=_list_due_parts(record, total, open_balance),
        settlements=settlements,
        ledger_currency=record["company"]["currency"]["code"],
        reference=record["customer_payment_reference"] or "",
    )


def _find_status(record: Record, open_balance: int, settlements: Sequence[Settlement]) -> InvoiceStatus:
    """What was credited with a refund is `cancelled` in Tryton, as is what was cancelled; what closed it says which."""
    if record["state"] == "cancelled":
        origin = parse_reference(dig(record, "cancel_move.origin"))
        return InvoiceStatus.CREDITED if origin and origin[0] == "account.invoice" else InvoiceStatus.CANCELLED
    if open_balance:
        return InvoiceStatus.OPEN
    return find_closing_status(settlements)


def _read_balance(line: Record, record: Record) -> int:
    """What a line adds to what the customer owes, in minor units of the invoice's currency; of a line in another currency nothing."""
    currency = record["currency"]["code"]
    if dig(line, "second_currency.code") == currency:
        return to_minor(line["amount_second_currency"], currency)
    in_books = record["company"]["currency"]["code"] == currency
    return to_minor(line["debit"] - line["credit"], currency) if in_books else 0


def _list_due_parts(record: Record, total: int, open_balance: int) -> tuple[DuePart, ...]:
    """One for each due date. What was rescheduled has its old lines still, and lines that balance them: these are left out. What the lines
    that are not yet reconciled have of payments counts for the earliest due date."""
    lines = [(line, _read_balance(line, record)) for line in record["lines_to_pay"]]
    by_reconciliation: dict[int, int] = defaultdict(int)
    for line, amount in lines:
        if line["reconciliation"]:
            by_reconciliation[line["reconciliation"]] += amount
    parts: dict[date, list[int]] = {}
    for line, amount in lines:
        if line["reconciliation"] and not by_reconciliation[line["reconciliation"]]:
            continue
        part = parts.setdefault(line["maturity_date"] or record["invoice_date"], [0, 0])
        part[0] += amount
        part[1] += 0 if line["reconciliation"] else amount
    if not parts:
        return (DuePart(record["invoice_date"], total, open_balance),)
    paid = sum(left for _, left in parts.values()) - open_balance
    due_parts = []
    for due, (amount, left) in sorted(parts.items()):
        taken = min(paid, left)
        paid -= taken
        due_parts.append(DuePart(due, amount, left - taken))
    return tuple(due_parts)


def _list_settlements(record: Record, settled: int) -> tuple[Settlement, ...]:
    """By what the invoice is owed `settled` less, the latest last. A reconciliation that has other invoices too gives this one what its own
    lines need, of the earliest money first. What a line in the books' currency pays of an invoice in another is the rest."""
    needed: dict[int, int] = defaultdict(int)
    own = {line["id"] for line in record["lines_to_pay"]}
    for line in record["lines_to_pay"]:
        if line["reconciliation"]:
            needed[line["reconciliation"]] += _read_balance(line, record)
    settlements, unknown = [], []
    for line in sorted(_list_paying_lines(record, own)):
        amount = line.amount if line.reconciliation is None else min(line.amount, needed[line.reconciliation])
        if line.reconciliation is not None:
            needed[line.reconciliation] -= max(amount, 0)
        found = Settlement(f"line-{line.line_id}", line.kind, amount, line.paid_on, line.reference)
        if amount > 0:
            settlements.append(found)
        elif line.amount == 0 and line.kind is not SettlementKind.WRITE_OFF:
            unknown.append(found)
    rest = settled - sum(settlement.amount for settlement in settlements)
    if rest > 0 and unknown:
        settlements.append(unknown[-1]._replace(amount=rest))
    return tuple(sorted(settlements, key=lambda each: (each.settled_on, int(each.external_id.removeprefix("line-")))))


def _list_paying_lines(record: Record, own: Iterable[int]) -> list[_PayingLine]:
    lines = {line["id"]: line for line in (*record["payment_lines"], *record["reconciliation_lines"])}
    found = []
    for line_id in lines.keys() - own:
        line, move = lines[line_id], lines[line_id]["move"]
        if line["debit"] > line["credit"]:
            continue
        reference = move["description"] or move["number"] or ""
        kind = find_settlement_kind(move, record["id"])
        found.append(_PayingLine(-_read_balance(line, record), move["date"], line_id, line["reconciliation"], kind, reference))
    return found


def find_settlement_kind(move: Record, invoice_id: int | None = None) -> SettlementKind:
    """A posting of the sales journal that comes from an invoice other than this one is a credit note's."""
    if move["journal"]["type"] == "write-off":
        return SettlementKind.WRITE_OFF
    is_of_other = parse_reference(move["origin"]) != ("account.invoice", invoice_id)
    return SettlementKind.CREDIT_NOTE if move["journal"]["type"] == "revenue" and is_of_other else SettlementKind.PAYMENT
