"""Whether invoices that a system says it does not know are gone. What it no longer shows may only be hidden from Duecourse, be it all or a
part, as when the rights of the key's user were changed while it was read: then nothing is cancelled for it, and the comparison goes on
naming what is missing."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Select, select
from sqlmodel import col

from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError
from adapters.billing.external_key import SystemKey, find_whole_id
from adapters.database.engine import Database
from adapters.database.tables import ExternalInvoiceRow, Invoice
from domain.billing.billing_events import InvoiceStatus

MOST_AT_ONCE = 3
"""So many are believed to be gone within a day whatever else is there; of a comparison of many open invoices, a tenth of them."""
LARGEST_SHARE = 0.1
DAY = timedelta(days=1)
MOST_ASKED_FOR = 3
"""Others that are asked for, until one is shown."""
MOST_REFUSED = 10
"""Of these, those that the system refuses are not counted up to here."""

log = structlog.get_logger(__name__)


class _Known(NamedTuple):
    """The system's invoices that are here, whole, those read last at first; those that are open; how many were believed to be gone within
    the last day."""

    ids: tuple[str, ...]
    still_open: frozenset[str]
    gone_lately: int


def find_gone(
    database: Database,
    system: SystemKey,
    unknown: Collection[str],
    read: Callable[[str], object],
    now: datetime,
    missing: int | None = None,
) -> list[str]:
    """Return those that are believed to be gone, of the ones that are open here: none where they are many, or where the system does not
    show any other either by now. `unknown`: by the system's ids, what it has said just now that it does not know; `read` asks it for one,
    and returns None where it does not know that either. `missing`: how many a comparison of all has found missing and not seen since; None:
    it is a page or some hints that name them, and who sees so little believes few, for the comparison judges the rest. `now` is real time.
    Raises BillingAwayError, and ConnectionRefusedByBillingError where all that is asked for is refused."""
    ids = {find_whole_id(each) for each in unknown}
    with database.reading() as session:
        if session.execute(_select_known(system).where(col(ExternalInvoiceRow.external_id).in_(ids)).limit(1)).first() is None:
            return []
    known = _load_known(database, system, now)
    lost = [each for each in unknown if find_whole_id(each) in known.still_open]
    if not lost:
        return []
    share = 0.0 if missing is None else (len(known.still_open) + known.gone_lately) * LARGEST_SHARE
    number = max(len({find_whole_id(each) for each in lost}), missing or 0) + known.gone_lately
    if number > max(MOST_AT_ONCE, share):
        log.warning("many_invoices_missing", system=system.system, invoices=number, open=len(known.still_open))
        return []
    others = sorted((each for each in known.ids if each not in ids), key=lambda each: each not in known.still_open)
    if not _is_any_shown(others, read):
        log.warning("all_invoices_missing", system=system.system, invoices=len(lost))
        return []
    return lost


def list_others(database: Database, system: SystemKey, ids: Collection[str]) -> Iterator[str]:
    """Yield the invoices that are here, by the system's ids, but for some: those that it showed last at first."""
    with database.reading() as session:
        known = [find_whole_id(each) for each in session.execute(_select_known(system)).scalars()]
    yield from (each for each in dict.fromkeys(known) if each not in ids)


def _load_known(database: Database, system: SystemKey, now: datetime) -> _Known:
    """What was believed to be gone has no fingerprint: see `InvoiceMirror.take_gone`."""
    standing = (_IS_OPEN, col(ExternalInvoiceRow.fingerprint) == "", col(ExternalInvoiceRow.read_at) > now - DAY)
    known, still_open, gone = list[str](), set[str](), set[str]()
    with database.reading() as session:
        for external_id, is_open, has_none, is_late in session.execute(_select_known(system).add_columns(*standing)):
            whole = find_whole_id(external_id)
            known.append(whole)
            still_open |= {whole} if is_open else set()
            gone |= {whole} if has_none and is_late else set()
    return _Known(tuple(dict.fromkeys(known)), frozenset(still_open), len(gone))


def _is_any_shown(others: Iterable[str], read: Callable[[str], object]) -> bool:
    """Whether the system shows one of them: a rule may refuse one, and a key that is good no more refuses all."""
    unknown, refusals = 0, list[ConnectionRefusedByBillingError]()
    for external_id in others:
        try:
            if read(external_id) is not None:
                return True
            unknown += 1
        except BillingAwayError:
            raise
        except ConnectionRefusedByBillingError as error:
            refusals.append(error)
        except Exception as error:  # whatever it is, it is this invoice's alone, and shows nothing
            log.warning("other_invoice_not_read", invoice=external_id, error=type(error).__name__)
            unknown += 1
        if unknown == MOST_ASKED_FOR or len(refusals) == MOST_REFUSED:
            break
    if refusals and not unknown:
        raise refusals[0]
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
