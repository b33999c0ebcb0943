"""From Salesforce's records of an invoice to what the port says of it, by the map.

What pays an invoice is told by applications: one record that says so, and another where it was taken back. What an invoice has of a
payment is their sum, whatever a flag on the first says. The invoice's balance is believed where it counts them; where it does not, the
lower of it and what they leave is owed, for else a customer would be asked for what is paid. Or it is computed of them, where the
connection says so.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from adapters.billing.external_records import DuePart, ExternalInvoice, Settlement, SettlementKind
from adapters.salesforce.salesforce_map import ApplicationNames, SalesforceMap
from adapters.salesforce.salesforce_records import Record, dig, read_day, to_minor
from domain.billing.billing_events import InvoiceStatus


class InvoiceApplications(NamedTuple):
    """Of payments and of credit notes to one invoice, without those that are deleted."""

    payments: Sequence[Record]
    credits: Sequence[Record]


NO_APPLICATIONS = InvoiceApplications((), ())


def is_issued(record: Record, fields: SalesforceMap) -> bool:
    """Return whether it asks money of a customer: a draft does not yet, and one of less than nothing is the customer's credit."""
    invoice = fields.invoice
    known = dig(record, invoice.status) in (*invoice.posted, *invoice.cancelled)
    return known and (dig(record, invoice.total) or 0) > 0 and bool(dig(record, invoice.number)) and bool(dig(record, invoice.account))


def read_currency(record: Record, field: str | None, default: str | None) -> str:
    """The record's own; the org's, where it has one alone."""
    return str((dig(record, field) if field is not None else None) or default or "")


def build_invoice(
    record: Record, applications: InvoiceApplications, fields: SalesforceMap, currency: str | None, *, trusts_balance: bool
) -> ExternalInvoice:
    """`currency`: of an org that has one alone. `trusts_balance`: no more is owed than its balance says, nor than is not applied."""
    invoice = fields.invoice
    code = read_currency(record, invoice.currency, currency)
    total = to_minor(dig(record, invoice.total), code)
    settlements = list_settlements(applications, fields, code)
    computed = _compute_open(total, settlements)
    is_void = dig(record, invoice.status) in invoice.cancelled
    balance = _read_balance(record, fields, total, code) if trusts_balance else computed
    open_balance = 0 if is_void else min(balance, computed)
    issued = read_day(dig(record, invoice.issued_on)) or read_day(dig(record, invoice.due_on)) or read_day(record["CreatedDate"])
    assert issued is not None
    due = read_day(dig(record, invoice.due_on)) or issued
    return ExternalInvoice(
        external_id=record["Id"],
        version=f"{record['SystemModstamp']} {len(settlements)} {open_balance}",
        account_id=dig(record, invoice.account),
        number=str(dig(record, invoice.number)),
        issue_date=issued,
        currency=code,
        total=total,
        open_balance=open_balance,
        status=InvoiceStatus.CANCELLED if is_void else _find_status(open_balance, settlements),
        due_parts=(DuePart(due, total, open_balance),),
        settlements=settlements,
        ledger_currency=currency or code,
        reference=str(dig(record, invoice.number)),
    )


def counts_otherwise(record: Record, built: ExternalInvoice, fields: SalesforceMap) -> bool:
    """Whether the record's balance is not its total less what is applied to it. Where the map has no object for the applications of
    payments or of credit notes, what an org applies otherwise is not seen: then a lower balance is no other one."""
    if built.status is InvoiceStatus.CANCELLED:
        return False
    computed = _compute_open(built.total, built.settlements)
    balance = _read_balance(record, fields, built.total, built.currency)
    tells_all = None not in (fields.payment_application, fields.credit_application)
    return balance > computed or (tells_all and balance < computed)


def _read_balance(record: Record, fields: SalesforceMap, total: int, currency: str) -> int:
    return min(max(to_minor(dig(record, fields.invoice.balance), currency), 0), total)


def _compute_open(total: int, settlements: Sequence[Settlement]) -> int:
    return max(total - sum(each.amount for each in settlements), 0)


def _find_status(open_balance: int, settlements: tuple[Settlement, ...]) -> InvoiceStatus:
    if open_balance:
        return InvoiceStatus.OPEN
    is_credited = bool(settlements) and settlements[-1].kind is SettlementKind.CREDIT_NOTE
    return InvoiceStatus.CREDITED if is_credited else InvoiceStatus.PAID


def list_settlements(applications: InvoiceApplications, fields: SalesforceMap, currency: str) -> tuple[Settlement, ...]:
    """By payment and credit note, the latest last, of one second the credit note; what was taken back whole is left out."""
    found: list[tuple[date, str, Settlement]] = []
    for records, mapped, kind in (
        (applications.payments, fields.payment_application, SettlementKind.PAYMENT),
        (applications.credits, fields.credit_application, SettlementKind.CREDIT_NOTE),
    ):
        if mapped is not None:
            found += _sum_up(records, mapped, kind, currency)
    in_order = sorted(found, key=lambda each: (each[0], each[1], each[2].kind is SettlementKind.CREDIT_NOTE))
    return tuple(settlement for *_, settlement in in_order)


def _sum_up(records: Sequence[Record], mapped: ApplicationNames, kind: SettlementKind, currency: str) -> list[tuple[date, str, Settlement]]:
    amounts: dict[str, int] = defaultdict(int)
    applied: dict[str, tuple[date, str]] = {}
    for record in sorted(records, key=lambda each: (str(each["CreatedDate"]), str(each["Id"]))):
        source, amount = dig(record, mapped.source), abs(to_minor(dig(record, mapped.amount), currency))
        on = read_day(dig(record, mapped.applied_on)) or read_day(record["CreatedDate"])
        if source is None or on is None:
            continue
        if dig(record, mapped.type) in mapped.applied:
            amounts[source] += amount
            applied[source] = (on, str(record["CreatedDate"]))
        elif dig(record, mapped.type) in mapped.taken_back:
            amounts[source] -= amount
    return [
        (applied[source][0], applied[source][1], Settlement(source, kind, amount, applied[source][0]))
        for source, amount in amounts.items()
        if amount > 0 and source in applied
    ]
