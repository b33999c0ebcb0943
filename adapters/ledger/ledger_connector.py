"""The embedded ledger as a BillingConnector: another Duecourse's, or one's own where it is compared like any other system."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import CurrencyMismatchError, RefusedByBillingError, UnsupportedOperationError
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import (
    ChangePage,
    ConnectionStep,
    CreditPage,
    DuePart,
    ExternalAccount,
    ExternalBooking,
    ExternalCredit,
    ExternalInvoice,
    InvoiceDocument,
    NoteKind,
    OpenReceivable,
    OpenReceivablePage,
    Settlement,
    SettlementKind,
    WebhookHint,
)
from adapters.billing.results import UnappliedSource
from adapters.database.engine import Database
from adapters.database.tables import Account, Allocation, Contact, CreditNote, Invoice, LedgerEvent, WriteOffBooking
from adapters.ledger.invoice_queries import build_unknown_account_error, build_unknown_invoice_error, load_unapplied
from adapters.ledger.ledger import Ledger
from adapters.real_time import find_real_now
from domain.billing.billing_events import InvoiceStatus
from domain.case.billing_results import SuspensionOrderOutcome

COMPANY = "1"
CAPABILITIES = frozenset(ConnectorCapability) - {
    ConnectorCapability.FETCH_DOCUMENT,
    ConnectorCapability.RECORD_NOTE,
    ConnectorCapability.VERIFY_WEBHOOK,
}
OVERLAP = timedelta(minutes=10)
"""How long a transaction may take from the moment at which its events are recorded, in real time, until it can be seen."""


class LedgerConnector:
    """Its external ids are the ledger's own."""

    def __init__(
        self,
        name: str,
        database: Database,
        business_now: Callable[[], datetime] = find_real_now,
        real_now: Callable[[], datetime] = find_real_now,
    ) -> None:
        """Raises ExternalKeyError."""
        self._key = SystemKey.build(name, COMPANY)
        self._database, self._business_now, self._real_now = database, business_now, real_now
        self._ledger = Ledger(database, real_now)

    @property
    def key(self) -> SystemKey:
        return self._key

    @property
    def capabilities(self) -> frozenset[ConnectorCapability]:
        return CAPABILITIES

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        """By the events that the ledger tells, page by page to the last one. A cursor is the place that was read to and, within a pass, the
        one from which the next pass begins: what was recorded in the minutes before this one, and since, is read again then, for
        transactions commit out of order."""
        place, _, base = (cursor or "0").partition("/")
        with self._database.reading() as session:
            begin = int(base) if base else self._find_settled(session, int(place))
            told = select(col(LedgerEvent.id), col(LedgerEvent.invoice_id)).where(col(LedgerEvent.id) > int(place))
            events = session.execute(told.order_by(col(LedgerEvent.id)).limit(limit)).all()
            found = _load_invoices(session, {invoice_id for _, invoice_id in events})
        if len(events) == limit:
            return ChangePage(found, (), f"{events[-1][0]}/{begin}", has_more=True)
        return ChangePage(found, (), str(begin), has_more=False)

    def _find_settled(self, session: Session, after: int) -> int:
        """Return the last event before which none can appear any more; at least `after`."""
        settled = select(func.max(LedgerEvent.id)).where(col(LedgerEvent.recorded_at) <= self._real_now() - OVERLAP)
        return max(session.execute(settled).scalar_one() or 0, after)

    def read_invoice(self, external_id: str) -> ExternalInvoice:
        with self._database.reading() as session:
            for invoice in _load_invoices(session, {external_id}):
                return invoice
        raise build_unknown_invoice_error(external_id)

    def read_account(self, account_id: str) -> ExternalAccount:
        with self._database.reading() as session:
            account = session.get(Account, account_id)
            if account is None:
                raise build_unknown_account_error(account_id)
            emails = (
                select(col(Contact.email)).where(col(Contact.account_id) == account_id, col(Contact.email) != "").order_by(col(Contact.id))
            )
            return ExternalAccount(
                account_id=account_id,
                name=account.name,
                country=account.country,
                language=account.language,
                emails=tuple(session.execute(emails).scalars()),
                suspended=account.suspended_on is not None,
                number=account.number or account_id,
            )

    def list_open_items(self, cursor: str | None, limit: int) -> OpenReceivablePage:
        columns = (col(Invoice.id), col(Invoice.account_id), col(Invoice.number), col(Invoice.currency), col(Invoice.open_balance))
        query = select(*columns).where(col(Invoice.id) > (cursor or ""), col(Invoice.status) == InvoiceStatus.OPEN.value)
        with self._database.reading() as session:
            items = tuple(OpenReceivable(*row) for row in session.execute(query.order_by(col(Invoice.id)).limit(limit)))
        return OpenReceivablePage(items, items[-1].external_id if len(items) == limit else None)

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        """A page is of whole accounts."""
        with self._database.reading() as session:
            ids = select(col(Account.id)).where(col(Account.id) > (cursor or "")).order_by(col(Account.id)).limit(limit)
            accounts = list(session.execute(ids).scalars())
            found = tuple(_build_credit(account_id, source) for account_id in accounts for source in load_unapplied(session, account_id))
        return CreditPage(found, accounts[-1] if len(accounts) == limit else None)

    def try_connection(self) -> tuple[ConnectionStep, ...]:
        return (ConnectionStep("embedded ledger", True, "it is part of Duecourse"),)

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        self._require_currency(external_id, currency)
        repeated, now = self._is_booked(CreditNote, key), self._business_now()
        issued_on = self._find_issue_date(key) or now.date()
        self._ledger.issue_credit_note(key, external_id, amount, issued_on, reason, within_open_balance=True, at=now)
        return ExternalBooking(key, amount, repeated)

    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        repeated = self._is_booked(WriteOffBooking, key)
        given_up = self._ledger.write_off(key, external_id, amount, currency, on, at=self._business_now())
        return ExternalBooking(key if given_up else "", given_up, repeated)

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        """The ledger suspends an account in arrears alone."""
        owed = [invoice.invoice_id for invoice in self._ledger.list_open_invoices(account_id)]
        answer = self._ledger.suspend_account(key, account_id, owed, {}, recorded_by=reason, at=self._business_now())
        if answer is SuspensionOrderOutcome.NOT_IN_ARREARS:
            raise RefusedByBillingError(f"account {account_id!r} is not in arrears, or pays in advance; look at it there")

    def reinstate(self, key: str, account_id: str) -> None:
        self._ledger.reinstate_account(key, account_id, at=self._business_now())

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        raise UnsupportedOperationError("the embedded ledger prints no invoices; ask for it where the invoice was written")

    def record_note(self, key: str, account_id: str, text: str, kind: NoteKind = NoteKind.NOTE) -> None:
        raise UnsupportedOperationError("the embedded ledger keeps no notes; they stand on the account's page in Duecourse")

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[WebhookHint, ...]:
        raise UnsupportedOperationError("the embedded ledger calls nobody: it tells its events itself")

    def _require_currency(self, external_id: str, currency: str) -> None:
        if (facts := self._ledger.get_invoice_facts(external_id)).currency != currency:
            raise CurrencyMismatchError(f"invoice {external_id!r} is in {facts.currency}, and this in {currency}; decide it anew")

    def _is_booked(self, table: type[CreditNote | WriteOffBooking], key: str) -> bool:
        with self._database.reading() as session:
            return session.get(table, key) is not None

    def _find_issue_date(self, key: str) -> date | None:
        with self._database.reading() as session:
            note = session.get(CreditNote, key)
            return note.issued_on if note else None


def _load_invoices(session: Session, ids: set[str]) -> tuple[ExternalInvoice, ...]:
    invoices = session.execute(select(Invoice).where(col(Invoice.id).in_(ids)).order_by(col(Invoice.id))).scalars().all() if ids else []
    settlements = _load_settlements(session, ids)
    return tuple(_build_invoice(invoice, tuple(settlements.get(invoice.id, ()))) for invoice in invoices)


def _load_settlements(session: Session, ids: set[str]) -> dict[str, list[Settlement]]:
    """By invoice: what it has of payments, credit notes and write-offs, the latest last; what was taken back in whole is left out."""
    sources = (col(Allocation.payment_id), col(Allocation.credit_note_id), col(Allocation.write_off_key))
    held, latest = func.sum(Allocation.amount), func.max(Allocation.allocated_on)
    query = (
        select(col(Allocation.invoice_id), *sources, held, latest)
        .where(col(Allocation.invoice_id).in_(ids))
        .group_by(col(Allocation.invoice_id), *sources)
        .having(held != 0)
        .order_by(latest, func.max(Allocation.id))
    )
    found: dict[str, list[Settlement]] = {}
    for row in session.execute(query):
        found.setdefault(row[0], []).append(_build_settlement(row))
    return found


def _build_settlement(row: Any) -> Settlement:
    _, payment, note, write_off, held, on = row
    if note:
        return Settlement(f"{SettlementKind.CREDIT_NOTE}:{note}", SettlementKind.CREDIT_NOTE, int(held), on, note)
    if write_off:
        return Settlement(f"{SettlementKind.WRITE_OFF}:{write_off}", SettlementKind.WRITE_OFF, int(held), on)
    return Settlement(f"{SettlementKind.PAYMENT}:{payment}", SettlementKind.PAYMENT, int(held), on)


def _build_invoice(invoice: Invoice, settlements: tuple[Settlement, ...]) -> ExternalInvoice:
    return ExternalInvoice(
        external_id=invoice.id,
        version=str(invoice.version),
        account_id=invoice.account_id,
        number=invoice.number,
        issue_date=invoice.issue_date,
        currency=invoice.currency,
        total=invoice.total,
        open_balance=invoice.open_balance,
        status=InvoiceStatus(invoice.status),
        due_parts=(DuePart(invoice.due_date, invoice.total, invoice.open_balance),),
        settlements=settlements,
        ledger_currency=invoice.currency,
    )


def _build_credit(account_id: str, source: UnappliedSource) -> ExternalCredit:
    kind = SettlementKind.CREDIT_NOTE if source.is_credit_note else SettlementKind.PAYMENT
    return ExternalCredit(
        external_id=f"{kind}:{source.credit_id}",
        account_id=account_id,
        is_credit_note=source.is_credit_note,
        currency=source.currency,
        left=source.left,
        came_on=source.came_on,
        reference=source.reference,
    )
