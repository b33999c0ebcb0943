"""An invoice of several due dates is several here, one for each: each is overdue, reminded and paid on its own.

The first has the invoice's own id, the others a mark behind it.
"""

from collections.abc import Sequence

from adapters.billing.external_key import PART_MARK
from adapters.billing.external_records import DuePart, ExternalInvoice, Settlement, SettlementKind
from adapters.connections.settlement_balance import balance_settlements
from domain.billing.billing_events import InvoiceStatus

_CLOSED_BY = {
    SettlementKind.PAYMENT: InvoiceStatus.PAID,
    SettlementKind.CREDIT_NOTE: InvoiceStatus.CREDITED,
    SettlementKind.WRITE_OFF: InvoiceStatus.WRITTEN_OFF,
}


def name_part(external_id: str, place: int) -> str:
    """Return the id of an invoice's part; places count from 1."""
    return external_id if place == 1 else f"{external_id}{PART_MARK}{place}"


def split_due_parts(invoice: ExternalInvoice) -> tuple[ExternalInvoice, ...]:
    """Return an invoice for each due date, the earliest first, each with the settlements that it has had; the earliest money goes to the
    earliest. One whose parts do not add up stays whole."""
    parts = invoice.due_parts
    if len(parts) == 1 or not _adds_up(invoice):
        return (invoice,)
    left = list(balance_settlements(invoice))
    found = []
    for place, part in enumerate(parts, 1):
        own = _take(left, part.amount - part.open_amount, place)
        found.append(
            invoice._replace(
                external_id=name_part(invoice.external_id, place),
                number=f"{invoice.number} ({place}/{len(parts)})",
                total=part.amount,
                open_balance=part.open_amount,
                status=_find_status(invoice.status, part, own),
                due_parts=(part,),
                settlements=tuple(own),
            )
        )
    return tuple(found)


def _adds_up(invoice: ExternalInvoice) -> bool:
    parts = invoice.due_parts
    is_sound = all(0 <= part.open_amount <= part.amount and part.amount > 0 for part in parts)
    sums = sum(part.amount for part in parts), sum(part.open_amount for part in parts)
    return is_sound and sums == (invoice.total, invoice.open_balance)


def _take(left: list[Settlement], amount: int, place: int) -> list[Settlement]:
    """Take so much off the settlements, the earliest first. Money may pay several parts; what is written off of each is a booking of its
    own."""
    taken: list[Settlement] = []
    while amount > 0 and left:
        first = left[0]
        share = min(first.amount, amount)
        is_write_off = first.kind is SettlementKind.WRITE_OFF
        taken.append(first._replace(external_id=name_part(first.external_id, place if is_write_off else 1), amount=share))
        amount -= share
        left[:1] = [first._replace(amount=first.amount - share)] if share < first.amount else []
    return taken


def _find_status(of_invoice: InvoiceStatus, part: DuePart, own: Sequence[Settlement]) -> InvoiceStatus:
    if of_invoice is InvoiceStatus.CANCELLED:
        return of_invoice
    if part.open_amount:
        return InvoiceStatus.OPEN
    return _CLOSED_BY[own[-1].kind] if own else InvoiceStatus.PAID
