"""Whether invoices that a system says it does not know are gone. What it no longer shows may only be hidden from Duecourse, be it all or a
part, as when the rights of the key's user were changed while it was read: then nothing is cancelled for it, and the comparison goes on
naming what is missing."""

from collections.abc import Callable, Collection
from typing import Any

import structlog
from sqlalchemy import Select, select
from sqlmodel import col

from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError
from adapters.billing.external_key import SystemKey
from adapters.connections.due_parts import find_whole_id
from adapters.database.engine import Database
from adapters.database.tables import ExternalInvoiceRow, Invoice
from domain.billing.billing_events import InvoiceStatus

MOST_AT_ONCE = 3
"""So many are believed to be gone at once whatever else is there; of a system with many open invoices, a tenth of them."""
LARGEST_SHARE = 0.1
MOST_ASKED_FOR = 3
"""Others that are asked for, until one is shown."""

log = structlog.get_logger(__name__)


def find_gone(database: Database, system: SystemKey, unknown: Collection[str], read: Callable[[str], object]) -> list[str]:
    """Return those that are believed to be gone, of the ones that are open here: none where they are many, or where the system does not
    show any other either by now. `unknown`: by the system's ids, what it has said just now that it does not know; `read` asks it for one,
    and returns None where it does not know that either. Raises BillingAwayError, ConnectionRefusedByBillingError."""
    ids = {find_whole_id(each) for each in unknown}
    with database.reading() as session:
        if session.execute(_select_known(system).where(col(ExternalInvoiceRow.external_id).in_(ids)).limit(1)).first() is None:
            return []
        known = [find_whole_id(each) for each in session.execute(_select_known(system)).scalars()]
        still_open = {find_whole_id(each) for each in session.execute(_select_known(system).where(_IS_OPEN)).scalars()}
    lost = [each for each in unknown if find_whole_id(each) in still_open]
    if not lost:
        return []
    others = sorted((each for each in dict.fromkeys(known) if each not in ids), key=lambda each: each not in still_open)
    if len(lost) > max(MOST_AT_ONCE, len(still_open) * LARGEST_SHARE):
        log.warning("many_invoices_missing", system=system.system, invoices=len(lost), open=len(still_open))
        return []
    if not any(_is_shown(each, read) for each in others[:MOST_ASKED_FOR]):
        log.warning("all_invoices_missing", system=system.system, invoices=len(lost))
        return []
    return lost


def _is_shown(external_id: str, read: Callable[[str], object]) -> bool:
    try:
        return read(external_id) is not None
    except (BillingAwayError, ConnectionRefusedByBillingError):
        raise
    except Exception:  # whatever it is, it is this invoice's alone, and shows nothing
        return False


_IS_OPEN = col(Invoice.status) == InvoiceStatus.OPEN.value


def _select_known(system: SystemKey) -> Select[Any]:
    """What was read last comes first."""
    return (
        select(col(ExternalInvoiceRow.external_id))
        .join(Invoice, col(Invoice.id) == col(ExternalInvoiceRow.invoice_id))
        .where(col(ExternalInvoiceRow.system) == system.system, col(ExternalInvoiceRow.company) == system.company)
        .order_by(col(ExternalInvoiceRow.read_at).desc(), col(ExternalInvoiceRow.invoice_id))
    )
