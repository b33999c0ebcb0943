"""An invoice's row as the facts that cases go by."""

from adapters.database.tables import Invoice
from domain.billing.billing_events import InvoiceFacts, InvoiceStatus


def build_invoice_facts(invoice: Invoice) -> InvoiceFacts:
    return InvoiceFacts(
        version=invoice.version,
        due_date=invoice.due_date,
        currency=invoice.currency,
        total=invoice.total,
        open_balance=invoice.open_balance,
        status=InvoiceStatus(invoice.status),
        disputed=invoice.disputed,
    )
