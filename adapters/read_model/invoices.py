"""Invoices as lists show them: the ledger's money beside the read model's state."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, literal, or_, select, tuple_
from sqlmodel import Session, col

from adapters.billing.external_key import show_account
from adapters.database.engine import Database
from adapters.database.kept_rows import find_kept_row
from adapters.database.open_invoices import is_open_invoice
from adapters.database.tables import Account, Case, ExternalInvoiceRow, Invoice, PolicyVersion
from adapters.letters.payment_reference import is_page
from adapters.read_model.cursors import CursorPosition, decode_cursor, paginate_rows
from adapters.read_model.missing_addresses import load_missing_addresses
from adapters.read_model.open_disputes import OpenDispute, PendingReduction, load_open_claims
from adapters.read_model.resent_letters import load_resent_letters
from adapters.read_model.suspensions import STAGE_SUSPENDED, SuspensionStanding, load_account_suspensions
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import CaseView
from domain.invoice.view import WAITING_FOR_LETTER, WAITING_FOR_LETTER_DECISION
from domain.policy.collection_policy import PolicySnapshot
from domain.timeline.holds import Hold, HoldKind
from domain.timeline.step_schedule import TakenStep

NOT_STARTED = "waiting"
"""The stage of an open invoice that no workflow collects yet."""


class InvoiceFilter(BaseModel):
    model_config = ConfigDict(frozen=True)

    account: str | None = None
    collector: str | None = None
    stage: str | None = None
    status: str | None = None
    min_days_past_due: int | None = None
    max_days_past_due: int | None = None
    on_hold: bool | None = None
    currency: str | None = None
    q: str | None = None


class InvoiceRow(BaseModel):
    """One invoice. Amounts in minor units; `case` is None before its collection begins, `suspension` when its account has none.
    `no_address_since`: since when its account's letters wait for an address; `is_letter_resent`: its last letter was in doubt, and a person
    has it sent again."""

    id: str
    number: str
    account_id: str
    account_name: str
    account_number: str
    collector: str | None
    issue_date: date
    due_date: date
    currency: str
    total: int
    open_balance: int
    status: str
    disputed: bool
    settled_on: date | None
    case: CaseView | None
    suspension: SuspensionStanding | None = None
    dispute: OpenDispute | None = None
    reduction: PendingReduction | None = None
    no_address_since: date | None = None
    is_letter_resent: bool = False

    @property
    def stage(self) -> str:
        """A status, `suspended` while its account is, the last step that was taken, or that there was none."""
        if self.status != InvoiceStatus.OPEN:
            return self.status
        if self.suspension and self.suspension.is_suspended:
            return STAGE_SUSPENDED
        return self.case.stage if self.case else NOT_STARTED

    @property
    def waiting_for(self) -> str | None:
        """Who or what moves its case next; None before there is one. A letter that goes again is waited for, no decision about it."""
        if self.case and self.case.waiting_for == WAITING_FOR_LETTER_DECISION and self.is_letter_resent:
            return WAITING_FOR_LETTER
        return self.case.waiting_for if self.case else None

    def days_past_due(self, today: date) -> int:
        """Whole days; negative before the due date, zero once it is settled."""
        return (today - self.due_date).days if self.status == InvoiceStatus.OPEN else 0


def is_case_of_invoice() -> Any:
    """Joined by the case's primary key: by its kind and invoice, SQLite would choose the index on kinds and compare all with all."""
    return col(Case.case_id) == literal(ids.invoice_case_id("")) + col(Invoice.id)


def list_invoices(
    database: Database, invoice_filter: InvoiceFilter, today: date, limit: int, cursor: str | None
) -> tuple[list[InvoiceRow], str | None]:
    """The oldest due date first."""
    statement = (
        _filter_invoices(_select_invoices(), invoice_filter, today).order_by(col(Invoice.due_date), col(Invoice.id)).limit(limit + 1)
    )
    if place := decode_cursor(cursor, date, str):
        statement = statement.where(tuple_(col(Invoice.due_date), col(Invoice.id)) > tuple_(*place))
    with database.reading() as session:
        rows, following = paginate_rows(session.execute(statement).all(), limit, _cursor_position)
        return _build_invoice_rows(session, rows), following


def load_invoice_rows(session: Session, invoice_ids: Sequence[str]) -> list[InvoiceRow]:
    """Load the invoices of these ids, in their order."""
    found = {row[0].id: row for row in session.execute(_select_invoices().where(col(Invoice.id).in_(invoice_ids)))}
    return _build_invoice_rows(session, [found[invoice_id] for invoice_id in invoice_ids if invoice_id in found])


def find_invoice(database: Database, invoice_id: str) -> InvoiceRow | None:
    with database.reading() as session:
        row = session.execute(_select_invoices().where(col(Invoice.id) == invoice_id)).first()
        return _build_invoice_rows(session, [row])[0] if row else None


def has_invoices(database: Database) -> bool:
    with database.reading() as session:
        return session.scalar(select(col(Invoice.id)).limit(1)) is not None


def load_invoice_currencies(database: Database, invoice_ids: list[str]) -> dict[str, str]:
    with database.reading() as session:
        statement = select(col(Invoice.id), col(Invoice.currency)).where(col(Invoice.id).in_(invoice_ids))
        return {row.id: row.currency for row in session.execute(statement)}


def load_open_balances(database: Database, invoice_ids: list[str]) -> dict[str, int]:
    """What is open of each now, in minor units of its currency."""
    statement = select(col(Invoice.id), col(Invoice.open_balance)).where(col(Invoice.id).in_(invoice_ids))
    with database.reading() as session:
        return {row.id: row.open_balance for row in session.execute(statement)}


def find_pinned_policy(database: Database, name: str, version: int) -> PolicySnapshot | None:
    """The policy that an invoice pinned."""
    with database.reading() as session:
        row = find_kept_row(session, PolicyVersion, (name, version))
        return PolicySnapshot(name=row.name, version=row.version, text=row.snapshot) if row else None


def list_newest_invoices(session: Session, account_id: str, limit: int) -> list[InvoiceRow]:
    """An account's invoices, open ones first, then the latest due."""
    statement = _select_invoices().where(col(Invoice.account_id) == account_id)
    statement = statement.order_by(col(Invoice.status) != InvoiceStatus.OPEN, col(Invoice.due_date).desc(), col(Invoice.id)).limit(limit)
    return _build_invoice_rows(session, session.execute(statement).all())


def _select_invoices() -> Any:
    return (
        select(Invoice, col(Account.name), col(Account.collector), Case, col(Account.number))
        .join(Account, col(Account.id) == Invoice.account_id)
        .outerjoin(Case, is_case_of_invoice())
    )


def _filter_invoices(statement: Any, invoice_filter: InvoiceFilter, today: date) -> Any:
    if invoice_filter.account is not None:
        statement = statement.where(col(Invoice.account_id) == invoice_filter.account)
    if invoice_filter.collector is not None:
        statement = statement.where(col(Account.collector) == invoice_filter.collector)
    if invoice_filter.currency is not None:
        statement = statement.where(col(Invoice.currency) == invoice_filter.currency)
    if invoice_filter.status is not None:
        is_whole = invoice_filter.status == InvoiceStatus.OPEN and invoice_filter.account is None
        statement = statement.where(is_open_invoice() if is_whole else col(Invoice.status) == invoice_filter.status)
    if invoice_filter.stage is not None:
        statement = statement.where(_match_stage(invoice_filter.stage))
    if invoice_filter.min_days_past_due is not None:
        latest = today - timedelta(days=invoice_filter.min_days_past_due)
        statement = statement.where(col(Invoice.status) == InvoiceStatus.OPEN, col(Invoice.due_date) <= latest)
    if invoice_filter.max_days_past_due is not None:
        earliest = today - timedelta(days=invoice_filter.max_days_past_due)
        statement = statement.where(col(Invoice.status) == InvoiceStatus.OPEN, col(Invoice.due_date) >= earliest)
    if invoice_filter.on_hold is not None:
        held = and_(col(Invoice.status) == InvoiceStatus.OPEN, col(Case.waiting_for).in_([kind.value for kind in HoldKind]))
        statement = statement.where(held if invoice_filter.on_hold else or_(~held, col(Case.case_id).is_(None)))
    if invoice_filter.q:
        pattern = f"%{_escape_like_pattern(invoice_filter.q)}%"
        named = (col(Invoice.id), col(Invoice.number), col(Account.name), col(Account.id), col(Account.number))
        statement = statement.where(or_(*(column.ilike(pattern, escape="\\") for column in named)))
    return statement


def _match_stage(stage: str) -> Any:
    """As `InvoiceRow.stage` names it."""
    is_open, is_suspended = col(Invoice.status) == InvoiceStatus.OPEN, col(Account.suspended_on).is_not(None)
    if stage == STAGE_SUSPENDED:
        return and_(is_open, is_suspended)
    reached = col(Case.case_id).is_(None) if stage == NOT_STARTED else col(Case.stage) == stage
    return or_(col(Invoice.status) == stage, and_(is_open, ~is_suspended, reached))


def _escape_like_pattern(text: str) -> str:
    """A customer may be called 100%_OK."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _cursor_position(row: Any) -> CursorPosition:
    return row[0].due_date.isoformat(), row[0].id


def _build_invoice_rows(session: Session, rows: Sequence[Any]) -> list[InvoiceRow]:
    suspensions = load_account_suspensions(session, {row[0].account_id for row in rows})
    claims = load_open_claims(session, [row[0].id for row in rows])
    addresses = load_missing_addresses(session, {row[0].account_id for row in rows})
    resent = load_resent_letters(session, (row[3] for row in rows if row[3]))
    return [
        InvoiceRow(
            **invoice.model_dump(exclude={"version", "source_sha256"}),
            account_name=account_name,
            account_number=show_account(invoice.account_id, account_number),
            collector=collector,
            case=_build_case_view(case, invoice) if case else None,
            suspension=suspensions.get(invoice.account_id),
            dispute=claims.disputes.get(invoice.id),
            reduction=claims.reductions.get(invoice.id),
            no_address_since=addresses.get(invoice.account_id),
            is_letter_resent=case is not None and case.case_id in resent,
        )
        for invoice, account_name, collector, case, account_number in rows
    ]


def _build_case_view(case: Case, invoice: Invoice) -> CaseView:
    return CaseView(
        **case.model_dump(exclude={"holds", "taken", "seq", "head", "carried", "updated_at"}),
        open_balance=invoice.open_balance,
        currency=invoice.currency,
        due_date=invoice.due_date,
        holds=[Hold.model_validate(hold) for hold in case.holds],
        taken=[TakenStep.model_validate(past) for past in case.taken],
    )


class ExternalInvoiceFacts(NamedTuple):
    """`reference` is what the payer is asked to state; `payment_link`, where it can be paid, is empty where it is no page that can be
    opened; `ledger_currency` is the books' own, empty where that is the invoice's."""

    system: str
    external_id: str
    reference: str
    payment_link: str
    ledger_currency: str


def find_external_facts(database: Database, invoice_id: str) -> ExternalInvoiceFacts | None:
    """None for an invoice of the embedded ledger."""
    mine = select(ExternalInvoiceRow, col(Invoice.currency)).join(Invoice, col(Invoice.id) == col(ExternalInvoiceRow.invoice_id))
    with database.reading() as session:
        found = session.execute(mine.where(col(ExternalInvoiceRow.invoice_id) == invoice_id)).first()
        if found is None:
            return None
        row, currency = found
        books = row.ledger_currency if row.ledger_currency != currency else ""
        link = row.payment_link if is_page(row.payment_link) else ""
        return ExternalInvoiceFacts(row.system, row.external_id, row.reference, link, books)
