"""The list of invoices: by due date, by number, by what is open, or by the day of issue."""

from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, case, or_, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.open_invoices import is_open_invoice
from adapters.database.tables import Account, Case, Invoice
from adapters.read_model.invoices import NOT_STARTED, InvoiceRow, is_case_of_invoice, load_invoice_rows
from adapters.read_model.lists.account_list import match_account, match_name
from adapters.read_model.lists.keyset_pages import ListOrder, SortColumn, load_page
from adapters.read_model.lists.list_totals import ListTotals, load_totals
from adapters.read_model.lists.text_match import contains_text
from adapters.read_model.suspensions import STAGE_SUSPENDED
from domain.billing.billing_events import InvoiceStatus
from domain.identifiers import CaseKind
from domain.timeline.holds import HoldKind


class InvoiceListFilter(BaseModel):
    """What is None narrows nothing. `stage`: of an open invoice, as `InvoiceRow.stage` names it. `max_days_past_due` 0: not past due yet.
    `q`: a part of its number, or of its account's name or number."""

    model_config = ConfigDict(frozen=True)

    q: str | None = None
    status: InvoiceStatus | None = InvoiceStatus.OPEN
    stage: str | None = None
    account: str | None = None
    collector: str | None = None
    currency: str | None = None
    min_days_past_due: int | None = None
    max_days_past_due: int | None = None
    is_on_hold: bool | None = None
    is_disputed: bool | None = None


_COLUMNS = {
    "due": (SortColumn(col(Invoice.due_date), date),),
    "issued": (SortColumn(col(Invoice.issue_date), date),),
    "number": (SortColumn(col(Invoice.number), str),),
    "open": (SortColumn(col(Invoice.currency), str), SortColumn(col(Invoice.open_balance), int)),
}
"""By what the list is sorted; amounts within their currency."""


def list_invoice_page(
    database: Database, invoice_filter: InvoiceListFilter, sort: str, is_descending: bool, today: date, limit: int, cursor: str | None
) -> tuple[list[InvoiceRow], str | None]:
    order = ListOrder(sort, (*_COLUMNS[sort], SortColumn(col(Invoice.id), str)), is_descending)
    with database.reading() as session:
        ids, following = load_page(session, _filter_invoices(select(col(Invoice.id)), invoice_filter, today), order, limit, cursor)
        return load_invoice_rows(session, ids), following


def list_matching_invoice_ids(database: Database, invoice_filter: InvoiceListFilter, today: date, limit: int) -> list[str]:
    """The ids of all invoices that match, in their order, but no more than `limit`."""
    statement = _filter_invoices(select(col(Invoice.id)), invoice_filter, today).order_by(col(Invoice.id)).limit(limit)
    with database.reading() as session:
        return list(session.scalars(statement))


def load_invoice_totals(database: Database, invoice_filter: InvoiceListFilter, today: date) -> ListTotals:
    """What is open of all that match, and what of it is past due. What is open is counted to the end where an index has the answer."""
    statement = select(
        col(Invoice.currency),
        col(Invoice.open_balance).label("amount"),
        case((col(Invoice.due_date) < today, col(Invoice.open_balance)), else_=0).label("due"),
    )
    indexed = {"status", "account", "collector", "currency", "min_days_past_due", "max_days_past_due"}
    is_cheap = invoice_filter.status is InvoiceStatus.OPEN and not invoice_filter.model_dump(exclude=indexed, exclude_none=True)
    with database.reading() as session:
        return load_totals(session, _filter_invoices(statement, invoice_filter, today), is_limited=not is_cheap)


def _filter_invoices(statement: Select[Any], invoice_filter: InvoiceListFilter, today: date) -> Select[Any]:
    if invoice_filter.status is not None:
        is_open = invoice_filter.status is InvoiceStatus.OPEN
        is_settled = ~is_open_invoice() & (col(Invoice.status) == invoice_filter.status)
        statement = statement.where(is_open_invoice() if is_open else is_settled)
    for column, value in ((Invoice.account_id, invoice_filter.account), (Invoice.currency, invoice_filter.currency)):
        if value is not None:
            statement = statement.where(col(column) == value)
    if invoice_filter.collector is not None:
        statement = statement.where(_is_of_accounts(match_name(col(Account.collector), invoice_filter.collector)))
    if invoice_filter.stage is not None:
        statement = statement.where(is_open_invoice(), _match_stage(invoice_filter.stage))
    if invoice_filter.min_days_past_due is not None:
        latest = today - timedelta(days=invoice_filter.min_days_past_due)
        statement = statement.where(is_open_invoice(), col(Invoice.due_date) <= latest)
    if invoice_filter.max_days_past_due is not None:
        earliest = today - timedelta(days=invoice_filter.max_days_past_due)
        statement = statement.where(is_open_invoice(), col(Invoice.due_date) >= earliest)
    if invoice_filter.is_on_hold is not None:
        held = _has_case(col(Case.waiting_for).in_([kind.value for kind in HoldKind]))
        statement = statement.where(held if invoice_filter.is_on_hold else ~held)
    if invoice_filter.is_disputed is not None:
        statement = statement.where(col(Invoice.disputed).is_(invoice_filter.is_disputed))
    if invoice_filter.q:
        statement = statement.where(_match_text(invoice_filter.q))
    return statement


def _match_text(text: str) -> Any:
    """A part of its number, its id, or a part of its account's name or number: each looked for where an index has it."""
    numbered = select(col(Invoice.id)).where(contains_text(col(Invoice.number), text))
    of_accounts = select(col(Invoice.id)).where(_is_of_accounts(match_account(text)))
    return or_(col(Invoice.id) == text, col(Invoice.id).in_(numbered.union(of_accounts)))


def _is_of_accounts(condition: Any) -> Any:
    return col(Invoice.account_id).in_(select(col(Account.id)).where(condition))


def _has_case(condition: Any) -> Any:
    return col(Invoice.id).in_(select(col(Case.invoice_id)).where(col(Case.kind) == CaseKind.INVOICE, condition))


def _match_stage(stage: str) -> Any:
    is_suspended = _is_of_accounts(col(Account.suspended_on).is_not(None))
    if stage == STAGE_SUSPENDED:
        return is_suspended
    if stage == NOT_STARTED:
        return ~is_suspended & ~select(col(Case.case_id)).where(is_case_of_invoice()).exists()
    return ~is_suspended & _has_case(col(Case.stage) == stage)
