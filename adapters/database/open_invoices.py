"""How statements about all open invoices say so."""

from typing import Any

from sqlmodel import col

from adapters.database.tables import Invoice
from adapters.database.written_values import write_value
from domain.billing.billing_events import InvoiceStatus


def is_open_invoice() -> Any:
    """Written into the statement as it is: the indexes of open invoices are chosen by that."""
    return col(Invoice.status) == write_value(InvoiceStatus.OPEN)
