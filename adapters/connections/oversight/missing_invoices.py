"""Reads again what a comparison has found open here and not owed there, or owed there and not open here. What the system does not know any
more is gone: it asks for nothing any more here, and each such invoice has the event that says so."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError
from adapters.billing.external_key import parse_external_key
from adapters.billing.external_records import ExternalInvoice
from adapters.billing.refused_rows import ShownRecord
from adapters.connections.absences.vanished_invoices import list_others
from adapters.connections.comparison import Comparison
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.difference_store import end_differences
from adapters.database.engine import Database
from adapters.database.row_states import DifferenceKind
from adapters.database.tables import Invoice
from domain.billing.billing_events import InvoiceStatus

MOST_READ_AGAIN = 500
"""In one night: of more the next one's turn comes."""

log = structlog.get_logger(__name__)


def read_missing_again(database: Database, sync: ConnectionSync, comparison: Comparison, now: datetime) -> list[str]:
    """Return the ids of the invoices that are gone there. What is owed there and missing here is read again, too: it may have come back.
    Where many are unknown there, or no other is shown once they were asked for, none is believed to be gone: then it is more likely that
    Duecourse no longer sees what it should. `now` is real time. Raises BillingAwayError and ConnectionRefusedByBillingError: what was read
    by then is taken in; the latter only where no other is shown either."""
    kinds = (DifferenceKind.MISSING_THERE, DifferenceKind.MISSING_HERE)
    missing = [(kind, each.id) for kind in kinds for each in comparison.differences if each.kind is kind]
    unseen = {invoice_id for kind, invoice_id in missing if kind is DifferenceKind.MISSING_THERE}
    unknown, settled, back = dict[str, str](), list[str](), list[str]()
    reader = _MissingReader(database, sync, (invoice_id for _, invoice_id in missing))
    try:
        for kind, invoice_id in missing[:MOST_READ_AGAIN]:
            found, is_known = reader.read_again(invoice_id)
            unseen -= {invoice_id} if found is not None else set()
            if kind is DifferenceKind.MISSING_HERE:
                back += [invoice_id] if found is not None and _is_open_here(database, invoice_id) else []
            elif found is not None and found.status.is_settled:
                settled.append(invoice_id)
            elif not is_known and (key := parse_external_key(invoice_id)):
                unknown[key.external_id] = invoice_id
    finally:
        end_differences(database, sync.connector.key, DifferenceKind.MISSING_THERE, settled, now)
        end_differences(database, sync.connector.key, DifferenceKind.MISSING_HERE, back, now)
    gone = {external_id: unknown[external_id] for external_id in sync.find_gone(unknown, len(unseen))}
    for external_id, invoice_id in gone.items():
        sync.take_gone(external_id)
        log.info("external_invoice_gone", invoice=invoice_id)
    end_differences(database, sync.connector.key, DifferenceKind.MISSING_THERE, list(gone.values()), now)
    return list(gone.values())


class _MissingReader:
    def __init__(self, database: Database, sync: ConnectionSync, missing: Iterable[str]) -> None:
        self._database, self._sync, self._shown = database, sync, ShownRecord(sync.refresh)
        self._missing = {key.external_id for each in missing if (key := parse_external_key(each))}

    def read_again(self, invoice_id: str) -> tuple[ExternalInvoice | None, bool]:
        """Return the invoice where it could be read, and whether the system may know it: one at which it fails is not gone, nor one that
        it refuses, while it shows another."""
        if (key := parse_external_key(invoice_id)) is None:
            return None, True
        try:
            found = self._sync.refresh_if_there(key.external_id)
        except BillingAwayError:
            raise
        except ConnectionRefusedByBillingError as error:
            if not self._shown.is_another_shown(key.external_id, list_others(self._database, self._sync.connector.key, self._missing)):
                raise
            log.warning("missing_invoice_refused", invoice=invoice_id, reason=str(error))
            return None, True
        except Exception as error:  # whatever it is, it is this invoice's alone
            log.warning("missing_invoice_not_read", invoice=invoice_id, reason=str(error))
            return None, True
        if found is not None:
            self._shown.note(key.external_id)
        return found, found is not None


def _is_open_here(database: Database, invoice_id: str) -> bool:
    with database.reading() as session:
        invoice = session.get(Invoice, invoice_id)
        return invoice is not None and invoice.status == InvoiceStatus.OPEN
