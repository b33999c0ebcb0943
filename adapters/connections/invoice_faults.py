"""Why an invoice of a connected system cannot be taken in, in words for whoever keeps it there."""

from collections.abc import Iterator

from adapters.billing.external_key import ExternalKey, ExternalKeyError, SystemKey, can_be_key
from adapters.billing.external_records import ExternalCredit, ExternalInvoice
from adapters.connections.due_parts import split_due_parts
from adapters.connections.settlement_balance import balance_settlements
from domain.accepted_texts import find_id_fault, find_text_fault, fold_whitespace
from domain.money import CURRENCIES, MAX_MINOR_UNITS

LONGEST_TEXT = 2_000
"""Characters of a reference or of a link to pay by."""


def find_invoice_fault(system: SystemKey, invoice: ExternalInvoice) -> str | None:
    """Find out why it cannot be taken in; None when it can."""
    if invoice.currency not in CURRENCIES:
        return f"currency {invoice.currency!r} is no ISO 4217 code"
    if not 0 < invoice.total <= MAX_MINOR_UNITS:
        return f"a total of {invoice.total} minor units is none that can be collected"
    if not 0 <= invoice.open_balance <= invoice.total:
        return f"of {invoice.total} minor units {invoice.open_balance} are open"
    if fault := find_id_fault(invoice.number):
        return f"number {fault}"
    for name, text in _list_texts(invoice):
        if line_fault := _find_line_fault(text):
            return f"{name} {line_fault}"
    try:
        for external_id in (invoice.external_id, invoice.account_id, *_list_settlement_ids(invoice)):
            ExternalKey.build(system, external_id)
    except ExternalKeyError as error:
        return str(error)
    return None


def can_be_taken_in(system: SystemKey, credit: ExternalCredit) -> bool:
    """Whether what is unapplied can be kept here; the comparison names what cannot."""
    return can_be_key(system, credit.external_id) and can_be_key(system, credit.account_id) and _find_line_fault(credit.reference) is None


def split_where_nameable(system: SystemKey, invoice: ExternalInvoice) -> tuple[ExternalInvoice, ...]:
    """Return an invoice for each due date; one of whose parts something would have too long a name stays whole."""
    parts = split_due_parts(invoice)
    names = [name for part in parts for name in (part.external_id, *_list_settlement_ids(part))]
    return parts if all(can_be_key(system, name) for name in names) else (invoice,)


def _list_texts(invoice: ExternalInvoice) -> Iterator[tuple[str, str]]:
    yield "reference", invoice.reference
    yield "link to pay by", invoice.payment_link
    yield "version", invoice.version
    for settlement in invoice.settlements:
        yield "reference of a settlement", settlement.reference


def _find_line_fault(text: str) -> str | None:
    """A text may come in several lines; one that no database keeps does not."""
    return find_text_fault(fold_whitespace(text), LONGEST_TEXT)


def _list_settlement_ids(invoice: ExternalInvoice) -> list[str]:
    """Those that it has here, with the one that stands for what is not explained; and those that it says."""
    return [each.external_id for each in (*invoice.settlements, *balance_settlements(invoice))]
