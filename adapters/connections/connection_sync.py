"""Reads a connected system's changes page by page into the mirror. A page and the cursor behind it are one transaction, so that it can stop
anywhere and go on there; two that read at once take turns, and the one that comes late leaves its page to the other."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.billing.connector import BillingConnector, ConnectorCapability, find_credits_interval
from adapters.billing.errors import BillingAwayError, BillingError, ConnectionRefusedByBillingError, UnknownInvoiceError
from adapters.billing.external_key import can_be_key, find_whole_id
from adapters.billing.external_records import ChangePage, ExternalAccount, ExternalCredit, ExternalInvoice
from adapters.connections.absences.vanished_invoices import find_gone
from adapters.connections.account_mirror import AccountDefaults, AccountMirror
from adapters.connections.credit_mirror import take_in_credits
from adapters.connections.cursor_rows import lock_cursor_row
from adapters.connections.due_parts import name_part
from adapters.connections.invoice_faults import can_be_taken_in, find_invoice_fault, split_where_nameable
from adapters.connections.invoice_mirror import InvoiceMirror, MirrorContext
from adapters.database.engine import Database
from adapters.database.tables import BillingCursorRow, ExternalInvoiceRow, Invoice
from adapters.ledger.unit_of_work import LedgerUnitOfWork
from adapters.real_time import find_real_now

PAGE_SIZE = 100
"""Invoices that are read with one call."""
CREDITS_EVERY = timedelta(minutes=10)
"""How often what is unapplied is read where no invoice changed, for all of it is, and nothing tells when a receipt came in; and at most,
where a system says itself that something of it changed."""

CREDITS_KEPT_FOR = timedelta(hours=1)
"""A list of what is unapplied that was begun is gone on with for so long: then it is begun anew, for its beginning is old."""

CREDITS_REFUSED = (BillingError, ConnectionRefusedByBillingError)
"""By which a system says that it does not list what is unapplied, at least not to Duecourse."""

MOST_FAILURES = 3
"""So often in a row the system may fail at the record of a new customer, before the customer's invoices are left out."""


class LeftOut(NamedTuple):
    """An invoice that cannot be taken in, and why. It holds up no other; the comparison names it as long as it is so."""

    external_id: str
    reason: str


class _BegunCredits(NamedTuple):
    """A list of what is unapplied that was not read to its end: from when on it was read, what it has so far, and where it goes on."""

    read_at: datetime
    found: tuple[ExternalCredit, ...] = ()
    cursor: str | None = None


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
    """`credits_refused`: why the system does not list what is unapplied; None where it does, or was not asked for it."""

    pages: int
    read: int
    changed: int
    credits_changed: int
    accounts_changed: int
    has_more: bool
    left_out: tuple[LeftOut, ...]
    credits_refused: Exception | None = None


class _ReadInvoices(NamedTuple):
    """What can be taken in of what was read: the last word on each invoice, those that are gone, and the customers that are new: whether
    these are held for release."""

    invoices: Mapping[str, ExternalInvoice]
    gone: Sequence[str]
    accounts: Sequence[ExternalAccount]
    holds_new: bool
    left_out: tuple[LeftOut, ...]
    read_at: datetime


def _never() -> bool:
    return False


class ConnectionSync:
    def __init__(
        self,
        database: Database,
        connector: BillingConnector,
        defaults: AccountDefaults,
        business_now: Callable[[], datetime] = find_real_now,
        real_now: Callable[[], datetime] = find_real_now,
    ) -> None:
        self._database, self._connector = database, connector
        self._accounts = AccountMirror(database, connector.key, defaults)
        self._business_now, self._real_now = business_now, real_now
        self._has_read_credits = self._owes_credits = False
        self._begun_credits: _BegunCredits | None = None
        self.credits_failure: Exception | None = None
        self._failures: Counter[str] = Counter()

    @property
    def connector(self) -> BillingConnector:
        """The system that it reads."""
        return self._connector

    @property
    def has_read_credits(self) -> bool:
        """Whether it has read all that is unapplied since it was built, and did not fail at it the last time; or there is no such list."""
        is_listed = ConnectorCapability.LIST_CREDITS in self._connector.capabilities
        return not is_listed or (self._has_read_credits and self.credits_failure is None)

    @property
    def language(self) -> str:
        """The language of those of its customers of whom it says none, in which notes are left there."""
        return self._accounts.defaults.language

    def sync(
        self,
        most_pages: int | None = None,
        on_page: Callable[[PageResult], None] | None = None,
        until: Callable[[], bool] = _never,
        *,
        skips_credits: bool = False,
    ) -> SyncResult:
        """Read until nothing more is there, or so many pages, or `until` says so after one; then what is unapplied, where it is due, and
        customers that were read long ago, of which `until` leaves the rest to the next reading. `on_page` is told each page. Raises what
        the connector raises; what was taken in stays. That it does not list what is unapplied keeps nothing else from being read;
        `credits_failure` says why. `skips_credits`: it is not asked for that this time."""
        credits_changed = self._sync_due_credits(until) if self._owes_credits and not skips_credits else 0
        pages: list[PageResult] = []
        while not pages or (pages[-1].has_more and len(pages) != most_pages and not until()):
            pages.append(self.sync_page())
            if on_page is not None:
                on_page(pages[-1])
        changed = sum(page.changed for page in pages)
        accounts_changed = 0 if pages[-1].has_more else self._read_accounts_again(until)
        if not (pages[-1].has_more or skips_credits) and self._are_credits_due(has_changed=bool(changed)):
            credits_changed += self._sync_due_credits(until)
        return SyncResult(
            pages=len(pages),
            read=sum(page.read for page in pages),
            changed=changed,
            credits_changed=credits_changed,
            accounts_changed=accounts_changed,
            has_more=pages[-1].has_more,
            left_out=tuple(each for page in pages for each in page.left_out),
            credits_refused=self.credits_failure if isinstance(self.credits_failure, CREDITS_REFUSED) else None,
        )

    def sync_page(self) -> PageResult:
        """Read one page and take it in."""
        cursor, read_at = self._load_cursor(), self._real_now()
        page = self._connector.read_changes(cursor, PAGE_SIZE)
        gone = (*page.gone, *self.find_gone(page.unknown))
        found = self._complete(page.invoices, read_at, gone)
        with self._database.writing() as session:
            row = lock_cursor_row(self._database, session, self._connector.key)
            if row.cursor != cursor:
                return PageResult(0, 0, has_more=True, overtaken=True)
            changed, moved = self._take_in(session, found)
            self._move_cursor(row, page, changed)
        unread = tuple(LeftOut(*each) for each in page.unread)
        return PageResult(len(page.invoices), changed, page.has_more, (*unread, *found.left_out, *moved))

    def refresh(self, external_id: str) -> ExternalInvoice:
        """Read one invoice again and take it in, as after a booking or a webhook. Raises UnknownInvoiceError."""
        read_at = self._real_now()
        invoice = self._connector.read_invoice(external_id)
        found = self._complete([invoice], read_at)
        with self._database.writing() as session:
            self._take_in(session, found)
        return invoice

    def refresh_if_there(self, external_id: str) -> ExternalInvoice | None:
        """Read one invoice again and take it in; None for one that the system does not have."""
        try:
            return self.refresh(external_id)
        except UnknownInvoiceError:
            return None

    def find_gone(self, unknown: Collection[str], missing: int | None = None) -> list[str]:
        """As the function of this name, of those that the system has said just now that it does not know."""
        key, now = self._connector.key, self._real_now()
        return find_gone(self._database, key, unknown, self.refresh_if_there, now, missing) if unknown else []

    def take_gone(self, external_id: str) -> None:
        """The system does not have this invoice any more: here it asks for nothing. One that was never here is left."""
        found = self._complete((), self._real_now(), [external_id])
        with self._database.writing() as session:
            self._take_in(session, found)

    def _sync_due_credits(self, until: Callable[[], bool]) -> int:
        """Where the system asks for patience, they come first the next time: one that lets itself be asked a few times a minute would never
        get there. Not twice in a row, and after no other failure: no list of credits may keep invoices from being read."""
        came_first, self._owes_credits = self._owes_credits, False
        begun, self._begun_credits, now = self._begun_credits, None, self._real_now()
        is_fresh = begun is not None and now - begun.read_at < CREDITS_KEPT_FOR
        try:
            return self._read_credits(begun if begun is not None and is_fresh else _BegunCredits(now), until)
        except Exception as error:
            self.credits_failure = error
            if isinstance(error, CREDITS_REFUSED):
                return 0
            self._owes_credits = isinstance(error, BillingAwayError) and error.rest is not None and not came_first
            raise

    def _are_credits_due(self, *, has_changed: bool) -> bool:
        if self._begun_credits is not None:
            return True
        with self._database.reading() as session:
            row = session.get(BillingCursorRow, tuple(self._connector.key))
        if row is None or row.credits_read_at is None:
            return True
        age, every = self._real_now() - row.credits_read_at, find_credits_interval(self._connector)
        if every is None:
            return has_changed or not self._has_read_credits or age >= CREDITS_EVERY
        is_hinted = row.credits_hinted_at is not None and row.credits_hinted_at > row.credits_read_at
        return age >= (min(CREDITS_EVERY, every) if is_hinted else every)

    def sync_credits(self) -> int:
        """Read all that is unapplied; how many payments and credit notes changed by it. They are few, and nothing tells which changed. One
        whose reading began before that of the list that stands here is dropped."""
        return self._read_credits(_BegunCredits(self._real_now()), _never)

    def _read_credits(self, begun: _BegunCredits, until: Callable[[], bool]) -> int:
        """As `sync_credits`, from where it was begun. What was read is kept for the next time where the system goes away, or where `until`
        says so after a page."""
        if ConnectorCapability.LIST_CREDITS not in self._connector.capabilities:
            return 0
        while True:
            try:
                page = self._connector.list_credits(begun.cursor, PAGE_SIZE)
            except BillingAwayError:
                self._begun_credits = begun
                raise
            usable = tuple(each for each in page.credits if can_be_taken_in(self._connector.key, each))
            begun = _BegunCredits(begun.read_at, begun.found + usable, page.cursor)
            if begun.cursor is None:
                break
            if until():
                self._begun_credits = begun
                return 0
        self._has_read_credits, self.credits_failure = True, None
        with self._database.writing() as session:
            row = lock_cursor_row(self._database, session, self._connector.key)
            if row.credits_read_at is not None and row.credits_read_at > begun.read_at:
                return 0
            row.credits_read_at = begun.read_at
            return take_in_credits(session, self._build_context(begun.read_at), begun.found)

    def _build_context(self, read_at: datetime) -> MirrorContext:
        return MirrorContext(self._connector.key, self._business_now(), read_at)

    def _take_in(self, session: Session, found: _ReadInvoices) -> tuple[int, tuple[LeftOut, ...]]:
        """Return how many invoices changed, and those that cannot be followed to where they went."""
        context = self._build_context(found.read_at)
        self._accounts.write(session, context, found.accounts, holds_new=found.holds_new)
        unit_of_work = LedgerUnitOfWork(session, context.at, self._real_now())
        ids = (*found.invoices, *found.gone)
        named = {context.build_id(invoice.account_id) for invoice in found.invoices.values()}
        unit_of_work.lock_accounts(self._list_owners(session, [context.build_id(each) for each in ids]) | named)
        mirror = InvoiceMirror(session, unit_of_work, context, ids)
        changed = sum(mirror.take_in(invoice) for invoice in found.invoices.values()) + sum(map(mirror.take_gone, found.gone))
        unit_of_work.write()
        mirror.finish()
        moved = {find_whole_id(external_id): reason for external_id, reason in mirror.moved.items()}
        return changed, tuple(LeftOut(*each) for each in sorted(moved.items()))

    def _list_owners(self, session: Session, invoice_ids: Sequence[str]) -> set[str]:
        """Return whose the invoices are here."""
        return set(session.execute(select(col(Invoice.account_id)).where(col(Invoice.id).in_(invoice_ids))).scalars())

    def _complete(self, invoices: Iterable[ExternalInvoice], read_at: datetime, gone: Iterable[str] = ()) -> _ReadInvoices:
        """Read the customers of open invoices that are not here yet, and leave out what cannot be taken in."""
        latest = {invoice.external_id: invoice for invoice in invoices}
        faults = {key: fault for key, invoice in latest.items() if (fault := find_invoice_fault(self._connector.key, invoice))}
        wanted = {each.account_id for key, each in latest.items() if key not in faults and not each.status.is_settled}
        accounts, unread = self._read_accounts(self._accounts.list_unknown(wanted), read_at, MOST_FAILURES)
        faults |= {key: unread[each.account_id] for key, each in latest.items() if each.account_id in unread}
        left_out = tuple(LeftOut(key, fault) for key, fault in sorted(faults.items()))
        lost = [each for each in gone if each not in latest and can_be_key(self._connector.key, each)]
        split = {key: split_where_nameable(self._connector.key, each) for key, each in latest.items() if key not in faults}
        lost += self._list_former_parts({key: len(parts) for key, parts in split.items()} | dict.fromkeys(lost, 1))
        usable = {part.external_id: part for parts in split.values() for part in parts}
        return _ReadInvoices(usable, lost, accounts, bool(accounts) and self._accounts.holds_new(), left_out, read_at)

    def _list_former_parts(self, parts: Mapping[str, int]) -> list[str]:
        """Return what invoices had of due parts beyond those that they have now, by the number of these."""
        found: list[str] = []
        places = {external_id: count + 1 for external_id, count in parts.items()}
        while places:
            names = {name_part(external_id, place): external_id for external_id, place in places.items()}
            known = col(ExternalInvoiceRow.external_id).in_(names)
            mine = (
                col(ExternalInvoiceRow.system) == self._connector.key.system,
                col(ExternalInvoiceRow.company) == self._connector.key.company,
            )
            with self._database.reading() as session:
                former = list(session.execute(select(col(ExternalInvoiceRow.external_id)).where(*mine, known)).scalars())
            found += sorted(former)
            places = {names[name]: places[names[name]] + 1 for name in former}
        return found

    def _read_accounts(self, ids: Iterable[str], read_at: datetime, patience: int) -> tuple[list[ExternalAccount], dict[str, str]]:
        """Return them, and why those cannot be had that cannot. What was read before the system went away is kept, so that one that lets
        itself be asked a few times a minute is read to the end all the same. `patience`: so often a customer's record is asked for that
        the system fails at, while it answers else; then it is one that cannot be had."""
        accounts: list[ExternalAccount] = []
        unread: dict[str, str] = {}
        failed: dict[str, BillingAwayError] = {}
        try:
            for account_id in ids:
                try:
                    accounts.append(self._connector.read_account(account_id))
                except BillingAwayError as error:
                    others = [each.account_id for each in accounts[-1:]] or self._accounts.find_another(account_id)
                    if error.retry_after is not None or not all(map(self._answers_for, others)):
                        raise
                    failed[account_id] = error
                    continue
                except ConnectionRefusedByBillingError as error:
                    others = [each.account_id for each in accounts[-1:]] or self._accounts.find_another(account_id)
                    if not any(map(self._answers_for, others)):
                        raise
                    unread[account_id] = str(error)
                except BillingError as error:
                    unread[account_id] = str(error)
                self._failures.pop(account_id, None)
            if patience > 1 and failed and not (accounts or unread or any(map(self._accounts.find_another, failed))):
                raise next(iter(failed.values()))  # nothing shows that it answers for any customer
            self._failures.update(list(failed))
            for account_id, away in failed.items():
                if self._failures[account_id] < patience:
                    raise away
                unread[account_id] = f"the system fails at the customer's record: {away}"
        except BillingAwayError:
            self._write_accounts(accounts, (), read_at)
            raise
        return accounts, unread

    def _answers_for(self, account_id: str) -> bool:
        """Whether the system is there, although it failed at another customer just now."""
        try:
            self._connector.read_account(account_id)
        except (BillingAwayError, ConnectionRefusedByBillingError):
            return False
        except BillingError:
            pass
        return True

    def _write_accounts(self, accounts: Sequence[ExternalAccount], unread: Iterable[str], read_at: datetime) -> int:
        holds_new = bool(accounts) and self._accounts.holds_new()
        with self._database.writing() as session:
            return self._accounts.write(session, self._build_context(read_at), accounts, unread, holds_new=holds_new)

    def _read_accounts_again(self, until: Callable[[], bool]) -> int:
        """Return how many customers say something else than before. One that cannot be had holds up no other: its turn comes another
        day."""
        read_at = self._real_now()
        due = self._accounts.list_due(read_at)
        if not due:
            return 0
        accounts, unread = self._read_accounts(takewhile(lambda _: not until(), due), read_at, 1)
        return self._write_accounts(accounts, unread, read_at)

    def _load_cursor(self) -> str | None:
        with self._database.reading() as session:
            row = session.get(BillingCursorRow, tuple(self._connector.key))
            return row.cursor if row else None

    def _move_cursor(self, row: BillingCursorRow, page: ChangePage, changed: int) -> None:
        row.cursor = page.cursor
        row.invoices_read += len(page.invoices)
        row.invoices_changed += changed
        row.has_more = page.has_more
        if page.concerns_credit:
            row.credits_hinted_at = self._real_now()
        if not page.has_more:
            row.caught_up_at = self._real_now()
