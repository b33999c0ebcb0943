"""Reads again what a comparison has found open here and not owed there. What the system does not know any more is gone: it asks for
nothing any more here, and each such invoice has the event that says so."""

from datetime import datetime

import structlog

from adapters.billing.errors import BillingAwayError, BillingError
from adapters.billing.external_key import parse_external_key
from adapters.connections.comparison import Comparison, DifferenceKind
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.difference_store import end_differences
from adapters.database.engine import Database

MOST_READ_AGAIN = 500
"""In one night: of more the next one's turn comes."""

log = structlog.get_logger(__name__)


def read_missing_again(database: Database, sync: ConnectionSync, comparison: Comparison, now: datetime) -> list[str]:
    """Return the ids of the invoices that are gone there. Where the system has shown nothing at all that it still knows, none is believed
    to be gone: then it is more likely that Duecourse no longer sees what it should. `now` is real time. Raises BillingAwayError."""
    missing = [each.id for each in comparison.differences if each.kind is DifferenceKind.MISSING_THERE][:MOST_READ_AGAIN]
    unknown, settled = list[str](), list[str]()
    for invoice_id in missing:
        if (key := parse_external_key(invoice_id)) is None:
            continue
        try:
            found = sync.refresh_if_there(key.external_id)
        except BillingAwayError:
            raise
        except BillingError as error:
            log.warning("missing_invoice_not_read", invoice=invoice_id, reason=str(error))
            continue
        if not found:
            unknown.append(invoice_id)
        elif found.status.is_settled:
            settled.append(invoice_id)
    shows_some = comparison.compared > len(comparison.differences) or bool(settled) or len(unknown) < len(missing)
    if unknown and not shows_some:
        log.warning("all_invoices_missing", system=sync.connector.key.system, invoices=len(unknown))
        unknown = []
    for invoice_id in unknown:
        key = parse_external_key(invoice_id)
        sync.take_gone(key.external_id if key else invoice_id)
        log.info("external_invoice_gone", invoice=invoice_id)
    end_differences(database, sync.connector.key, DifferenceKind.MISSING_THERE, [*unknown, *settled], now)
    return unknown
