"""Why an invoice of a connected system cannot be taken in, in words for whoever keeps it there."""

from adapters.billing.external_key import ExternalKey, ExternalKeyError, SystemKey
from adapters.billing.external_records import ExternalInvoice
from domain.accepted_texts import find_id_fault
from domain.money import CURRENCIES, MAX_MINOR_UNITS


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
    try:
        for external_id in (invoice.external_id, invoice.account_id, *(each.external_id for each in invoice.settlements)):
            ExternalKey.build(system, external_id)
    except ExternalKeyError as error:
        return str(error)
    return None
