"""Complete lists of open items: what is open here and missing in the file is shown, and closed as settled elsewhere once a person confirms.

Only invoices that came from files are compared: what a case charged, no list of billing has.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import exists, func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import ImportState
from adapters.database.tables import ImportRow, ImportRun, Invoice
from adapters.imports.row_booking import ImportVerdict
from adapters.ledger.payments import Payments
from domain.billing.billing_events import InvoiceStatus
from domain.errors import UserError

MISSING_SHOWN = 20
BATCH_SIZE = 500

_IS_LISTED_ELSEWHERE = (
    col(Invoice.status) == InvoiceStatus.OPEN.value,
    col(Invoice.source_sha256).is_not(None),
    col(Invoice.charged_by).is_(None),
)


class ListNotClosableError(UserError):
    """What is missing in this file cannot be closed, or is not what was confirmed."""

    title = "What is missing cannot be closed"
    status = 409
    problem_type = "not-closable"


class MissingInvoice(BaseModel):
    """An invoice that is open here and not in the file. `open_balance` in minor units of `currency`."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    account_id: str
    number: str
    currency: str
    open_balance: int


class MissingInvoices(BaseModel):
    """How many there are, and the first few."""

    model_config = ConfigDict(frozen=True)

    count: int = 0
    shown: list[MissingInvoice] = []


def find_missing_invoices(database: Database, is_in_file: Callable[[str], bool]) -> MissingInvoices:
    """Find the open invoices, by id, that are not in the file."""
    columns = [getattr(Invoice, "id" if name == "invoice_id" else name) for name in MissingInvoice.model_fields]
    with database.reading() as session:
        rows = session.execute(select(*columns).where(*_IS_LISTED_ELSEWHERE).order_by(col(Invoice.id)))
        missing = [row for row in rows if not is_in_file(row[0])]
    shown = [MissingInvoice(**dict(zip(MissingInvoice.model_fields, row, strict=True))) for row in missing[:MISSING_SHOWN]]
    return MissingInvoices(count=len(missing), shown=shown)


def find_missing_of_import(session: Session, import_id: str) -> MissingInvoices:
    """The invoices that are open now and were not in the file of an import."""
    columns = [getattr(Invoice, "id" if name == "invoice_id" else name) for name in MissingInvoice.model_fields]
    is_missing = (*_IS_LISTED_ELSEWHERE, ~_is_in_import(import_id))
    count = session.execute(select(func.count()).select_from(Invoice).where(*is_missing)).scalar_one()
    rows = session.execute(select(*columns).where(*is_missing).order_by(col(Invoice.id)).limit(MISSING_SHOWN))
    shown = [MissingInvoice(**dict(zip(MissingInvoice.model_fields, row, strict=True))) for row in rows]
    return MissingInvoices(count=count, shown=shown)


def _is_in_import(import_id: str) -> Any:
    return exists().where(col(ImportRow.import_id) == import_id, col(ImportRow.invoice_id) == col(Invoice.id))


def close_missing_invoices(
    database: Database, payments: Payments, import_id: str, expected: int, closed_by: str, on: date, at: datetime
) -> int:
    """Close what the file of an import did not list, each by a payment that is settled elsewhere; how many were closed.

    `expected`: how many the person saw. `on` and `at` are business time. Raises ListNotClosableError.
    """
    with database.reading() as session:
        _require_closable(session, import_id)
        missing = session.execute(select(col(Invoice.id)).where(*_IS_LISTED_ELSEWHERE, ~_is_in_import(import_id)).order_by(col(Invoice.id)))
        ids = list(missing.scalars())
    if len(ids) != expected:
        raise ListNotClosableError(f"{len(ids):,} invoices are missing in the file, not {expected:,}; look again, and confirm them")

    def close(batch: Sequence[str]) -> int:
        keys = {invoice_id: f"settled_elsewhere:{import_id}:{invoice_id}" for invoice_id in batch}
        return payments.settle_elsewhere(keys, *_IS_LISTED_ELSEWHERE, recorded_by=closed_by, on=on, at=at)

    return sum(close(batch) for batch in _split_batches(ids))


def _split_batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[place : place + BATCH_SIZE] for place in range(0, len(ids), BATCH_SIZE))


def _require_closable(session: Session, import_id: str) -> None:
    run = session.get(ImportRun, import_id)
    if run is None or not run.is_complete:
        raise ListNotClosableError("the file was not said to be the complete list of open items; import it again as one")
    if run.state != ImportState.DONE:
        raise ListNotClosableError("the import did not come to its end; import the file again")
    if rejected := run.verdicts.get(ImportVerdict.REJECTED.value, 0):
        raise ListNotClosableError(f"{rejected:,} rows were rejected, and may be what is missing; mend them, and import the whole file")
    later = select(func.count()).select_from(ImportRun).where(col(ImportRun.started_at) > run.started_at)
    if session.execute(later).scalar_one():
        raise ListNotClosableError("another file was imported since; import the complete list again")
