"""Reads a connected system's changes page by page into the mirror. A page and the cursor behind it are one transaction, so that it can stop
anywhere and go on there; two that read at once take turns, and the one that comes late leaves its page to the other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.billing.connector import BillingConnector, ConnectorCapability
from adapters.billing.errors import BillingError
from adapters.billing.external_key import ExternalKey
from adapters.billing.external_records import ChangePage, ExternalAccount, ExternalCredit, ExternalInvoice
from adapters.connections.credit_mirror import take_in_credits
from adapters.connections.invoice_faults import find_invoice_fault
from adapters.connections.mirror import InvoiceMirror, MirrorContext
from adapters.database.engine import Database
from adapters.database.tables import Account, BillingCursorRow
from adapters.i18n.languages import LANGUAGES
from adapters.imports.account_batch import AccountBatch
from adapters.imports.row_reader import ImportedAccount
from adapters.ledger.unit_of_work import LedgerUnitOfWork
from adapters.portfolio.assignments import AssignmentContext

PAGE_SIZE = 100
"""Invoices that are read with one call."""
CREDITS_EVERY = timedelta(minutes=10)
"""How often what is unapplied is read where no invoice changed: all of it is, and nothing tells when a receipt came in."""


@dataclass(frozen=True)
class AccountDefaults:
    """What an account is given that the system says nothing of: ISO country, IANA time zone, and one of the languages of letters."""

    country: str
    time_zone: str
    language: str


class LeftOut(NamedTuple):
    """An invoice that cannot be taken in, and why. It holds up no other; the comparison names it as long as it is so."""

    external_id: str
    reason: str


@dataclass(frozen=True)
class PageResult:
    """`overtaken`: another reader has taken this page in, or a later one; nothing of it was written."""

    read: int
    changed: int
    has_more: bool
    left_out: tuple[LeftOut, ...] = ()
    overtaken: bool = False


@dataclass(frozen=True)
class SyncResult:
    pages: int
    read: int
    changed: int
    credits_changed: int
    has_more: bool
    left_out: tuple[LeftOut, ...]


class _ReadInvoices(NamedTuple):
    """What can be taken in of what was read: the last word on each invoice, and the customers that are new."""

    invoices: Mapping[str, ExternalInvoice]
    accounts: Sequence[ExternalAccount]
    left_out: tuple[LeftOut, ...]
    read_at: datetime


def _real_now() -> datetime:
    return datetime.now(UTC)


class ConnectionSync:
    def __init__(
        self,
        database: Database,
        connector: BillingConnector,
        defaults: AccountDefaults,
        business_now: Callable[[], datetime] = _real_now,
        real_now: Callable[[], datetime] = _real_now,
    ) -> None:
        self._database, self._connector, self._defaults = database, connector, defaults
        self._business_now, self._real_now = business_now, real_now
        self._credits_read_at: datetime | None = None

    def sync(self, most_pages: int | None = None) -> SyncResult:
        """Read until nothing more is there, or so many pages; then what is unapplied, where an invoice changed or it was read long ago.
        Raises what the connector raises; what was taken in stays."""
        pages: list[PageResult] = []
        while not pages or (pages[-1].has_more and len(pages) != most_pages):
            pages.append(self.sync_page())
        changed, now = sum(page.changed for page in pages), self._real_now()
        credits_changed = 0
        if not pages[-1].has_more and (changed or self._credits_read_at is None or now - self._credits_read_at >= CREDITS_EVERY):
            credits_changed, self._credits_read_at = self.sync_credits(), now
        return SyncResult(
            pages=len(pages),
            read=sum(page.read for page in pages),
            changed=changed,
            credits_changed=credits_changed,
            has_more=pages[-1].has_more,
            left_out=tuple(each for page in pages for each in page.left_out),
        )

    def sync_page(self) -> PageResult:
        """Read one page and take it in."""
        cursor, read_at = self._load_cursor(), self._real_now()
        page = self._connector.read_changes(cursor, PAGE_SIZE)
        found = self._complete(page.invoices, read_at)
        with self._database.writing() as session:
            row = self._lock_cursor(session)
            if row.cursor != cursor:
                return PageResult(0, 0, has_more=True, overtaken=True)
            changed = self._take_in(session, found)
            self._move_cursor(row, page, changed)
        return PageResult(len(page.invoices), changed, page.has_more, found.left_out)

    def refresh(self, external_id: str) -> ExternalInvoice:
        """Read one invoice again and take it in, as after a booking or a webhook. Raises UnknownInvoiceError."""
        read_at = self._real_now()
        invoice = self._connector.read_invoice(external_id)
        found = self._complete([invoice], read_at)
        with self._database.writing() as session:
            self._take_in(session, found)
        return invoice

    def sync_credits(self) -> int:
        """Read all that is unapplied; how many payments and credit notes changed by it. They are few, and nothing tells which changed."""
        if ConnectorCapability.LIST_CREDITS not in self._connector.capabilities:
            return 0
        read_at, found, cursor = self._real_now(), list[ExternalCredit](), None
        while True:
            page = self._connector.list_credits(cursor, PAGE_SIZE)
            found += page.credits
            if (cursor := page.cursor) is None:
                break
        with self._database.writing() as session:
            return take_in_credits(session, self._build_context(read_at), found)

    def _build_context(self, read_at: datetime) -> MirrorContext:
        return MirrorContext(self._connector.key, self._business_now(), read_at)

    def _take_in(self, session: Session, found: _ReadInvoices) -> int:
        context = self._build_context(found.read_at)
        self._write_accounts(session, context, found.accounts)
        unit_of_work = LedgerUnitOfWork(session, context.at, self._real_now())
        unit_of_work.lock_accounts({context.build_id(invoice.account_id) for invoice in found.invoices.values()})
        mirror = InvoiceMirror(session, unit_of_work, context, found.invoices)
        changed = sum(mirror.take_in(invoice) for invoice in found.invoices.values())
        unit_of_work.write()
        mirror.finish()
        return changed

    def _complete(self, invoices: Iterable[ExternalInvoice], read_at: datetime) -> _ReadInvoices:
        """Read the customers of open invoices that are not here yet, and leave out what cannot be taken in."""
        latest = {invoice.external_id: invoice for invoice in invoices}
        faults = {key: fault for key, invoice in latest.items() if (fault := find_invoice_fault(self._connector.key, invoice))}
        wanted = {each.account_id for key, each in latest.items() if key not in faults and not each.status.is_settled}
        accounts: list[ExternalAccount] = []
        unread: dict[str, str] = {}
        for account_id in self._list_unknown_accounts(wanted):
            try:
                accounts.append(self._connector.read_account(account_id))
            except BillingError as error:
                unread[account_id] = str(error)
        faults |= {key: unread[each.account_id] for key, each in latest.items() if each.account_id in unread}
        left_out = tuple(LeftOut(key, fault) for key, fault in sorted(faults.items()))
        return _ReadInvoices({key: each for key, each in latest.items() if key not in faults}, accounts, left_out, read_at)

    def _list_unknown_accounts(self, wanted: Iterable[str]) -> list[str]:
        ids = {ExternalKey.build(self._connector.key, account_id).id: account_id for account_id in wanted}
        with self._database.reading() as session:
            known = set(session.execute(select(col(Account.id)).where(col(Account.id).in_(ids))).scalars()) if ids else set()
        return [ids[key] for key in sorted(ids.keys() - known)]

    def _write_accounts(self, session: Session, context: MirrorContext, accounts: Iterable[ExternalAccount]) -> None:
        details = [self._build_account(context, account) for account in accounts]
        if details:
            by = self._connector.key.system
            assignment = AssignmentContext(f"sync:{token_hex(16)}", by, context.at, self._real_now())
            batch = AccountBatch(session, self._database, {each.id for each in details}, assignment)
            for each in details:
                batch.merge_account(each)
            batch.write()

    def _build_account(self, context: MirrorContext, account: ExternalAccount) -> ImportedAccount:
        return ImportedAccount(
            id=context.build_id(account.account_id),
            name=account.name,
            country=account.country or self._defaults.country,
            time_zone=self._defaults.time_zone,
            language=account.language if account.language in LANGUAGES else self._defaults.language,
            email=account.emails[0] if account.emails else "",
        )

    def _load_cursor(self) -> str | None:
        with self._database.reading() as session:
            row = session.get(BillingCursorRow, tuple(self._connector.key))
            return row.cursor if row else None

    def _lock_cursor(self, session: Session) -> BillingCursorRow:
        """Held until the transaction ends."""
        key = self._connector.key
        session.connection().execute(
            self._database.build_insert_or_ignore(BillingCursorRow),
            [{"system": key.system, "company": key.company, "invoices_read": 0, "invoices_changed": 0}],
        )
        row = session.get(BillingCursorRow, tuple(key), with_for_update=True)
        assert row is not None
        return row

    def _move_cursor(self, row: BillingCursorRow, page: ChangePage, changed: int) -> None:
        row.cursor = page.cursor
        row.invoices_read += len(page.invoices)
        row.invoices_changed += changed
        if not page.has_more:
            row.caught_up_at = self._real_now()
