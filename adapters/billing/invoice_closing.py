"""What closed an invoice of which nothing is owed any more."""

from collections.abc import Sequence

from adapters.billing.external_records import Settlement, SettlementKind
from domain.billing.billing_events import InvoiceStatus


def find_closing_status(settlements: Sequence[Settlement]) -> InvoiceStatus:
    """`settlements`: the latest last. Whatever is settled by none counts as paid."""
    match settlements[-1].kind if settlements else SettlementKind.PAYMENT:
        case SettlementKind.CREDIT_NOTE:
            return InvoiceStatus.CREDITED
        case SettlementKind.WRITE_OFF:
            return InvoiceStatus.WRITTEN_OFF
    return InvoiceStatus.PAID
