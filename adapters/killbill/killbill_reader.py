"""Reading Kill Bill. Its lists show every amount as zero: a page is a list of ids, and each invoice is read for itself.

Nothing tells what was changed since a moment. So those that are new are read at once, all others again every hour, and what a push names
when it comes.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from adapters.billing.errors import (
    BillingAwayError,
    BillingError,
    ConnectionRefusedByBillingError,
    RefusedByBillingError,
    UnknownAccountError,
    UnknownInvoiceError,
)
from adapters.billing.external_records import (
    ChangePage,
    ExternalAccount,
    ExternalInvoice,
    InvoiceDocument,
    OpenReceivable,
    OpenReceivablePage,
    UnreadRow,
)
from adapters.billing.http_api import NotFoundThereError
from adapters.billing.reading_pace import ReadingPace
from adapters.billing.refused_rows import ShownRecord
from adapters.killbill.invoice_records import WRITTEN_OFF, build_invoice, count_paid, count_payments, is_invoice, list_entries, read_day
from adapters.killbill.killbill_api import KillBillApi, KillBillSettings, Record, get_text, name_path
from adapters.real_time import find_real_now
from domain.digits import parse_digits

SERVICE = "duecourse"
"""Whose blocking states are Duecourse's own: those of other services are not its to lift."""
PAGINATION = "invoices/pagination"
LONGEST_TERM = 3_650
MOST_OF_PAGE = 5
"""Other invoices that are asked for where one is refused."""


class KillBillCursor(NamedTuple):
    """`offset`: of the next page. `end`: how many invoices were there when the last pass ended, None before that: those behind are new.
    `until`: where the pass through the older ones ends; None while those that are new are read. `began`: when that pass did."""

    offset: int = 0
    end: int | None = None
    until: int | None = None
    began: str = ""

    @classmethod
    def parse(cls, text: str | None) -> "KillBillCursor":
        return cls(**json.loads(text)) if text else cls()

    def __str__(self) -> str:
        return json.dumps(self._asdict())


class ReadInvoices(NamedTuple):
    invoices: tuple[ExternalInvoice, ...]
    gone: tuple[str, ...]
    unread: tuple[UnreadRow, ...]


class KillBillReader:
    def __init__(self, api: KillBillApi, settings: KillBillSettings, real_now: Callable[[], datetime] = find_real_now) -> None:
        self._api, self._settings, self._real_now = api, settings, real_now
        self._pace, self._shown = ReadingPace(), ShownRecord(self.read_invoice)

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        """The new ones first, then the older ones up to where these end. Kill Bill never deletes an invoice, and lists them in the order in
        which they were made: nothing moves between two pages."""
        now = KillBillCursor.parse(cursor)
        if not now.began:
            now = now._replace(began=self._real_now().isoformat())
        most = min(limit, self._pace.most)
        wanted = most if now.until is None else min(most, now.until - now.offset)
        page = self._api.list_page(PAGINATION, now.offset, wanted)
        found = self._read_page(page.records)
        read = ReadInvoices(
            tuple(each for each in found if isinstance(each, ExternalInvoice)),
            tuple(each for each in found if isinstance(each, str)),
            tuple(each for each in found if isinstance(each, UnreadRow)),
        )
        following, has_more = self._follow(now, len(found), page.next is not None or len(found) < len(page.records))
        return ChangePage(read.invoices, read.gone, str(following), has_more, read.unread)

    def _follow(self, now: KillBillCursor, count: int, has_next: bool) -> tuple[KillBillCursor, bool]:
        behind = now.offset + count
        if now.until is None:
            if has_next:
                return now._replace(offset=behind), True
            if now.end is None or not behind or not self._is_due(now.began):
                return KillBillCursor(behind, behind, None, now.began), False
            return KillBillCursor(0, behind, behind, self._real_now().isoformat()), True
        if has_next and behind < now.until and count:
            return now._replace(offset=behind), True
        return KillBillCursor(now.until, now.until, None, now.began), False

    def _is_due(self, began: str) -> bool:
        return self._real_now() - datetime.fromisoformat(began) >= timedelta(minutes=self._settings.reread_minutes)

    def _read_page(self, records: Sequence[Record]) -> list[ExternalInvoice | UnreadRow | str]:
        """What was read before Kill Bill went away is kept. Raises BillingAwayError where nothing was."""
        terms: dict[str, int] = {}
        found: list[ExternalInvoice | UnreadRow | str] = []
        for record in records:
            try:
                found.append(self._read_listed(record, terms, records))
            except BillingAwayError:
                self._pace.note_away(len(found))
                if not found:
                    raise
                return found
        self._pace.note_read()
        return found

    def _read_listed(self, record: Record, terms: dict[str, int], page: Sequence[Record]) -> ExternalInvoice | UnreadRow | str:
        """The invoice, or its id where it is none to be chased, or why it cannot be read. Where no other is shown either, it is the
        connection that is refused."""
        external_id = "?"
        try:
            external_id = get_text(record, "invoiceId") or "?"
            if get_text(record, "status") == "DRAFT":
                return external_id
            whole = self.read_record(external_id)
            account_id = get_text(whole, "accountId")
            if account_id not in terms:
                terms[account_id] = self.find_terms(account_id)
            found = self._complete(whole, terms[account_id]) if is_invoice(whole) else external_id
        except NotFoundThereError:
            return UnreadRow(
                external_id, "Kill Bill lists it, and does not give it, though it never deletes one; see the rights of the user"
            )
        except BillingError as error:
            return UnreadRow(external_id, str(error))
        except ConnectionRefusedByBillingError as error:
            if not self._shown.is_another_shown(external_id, self._list_others(page)):
                raise
            return UnreadRow(external_id, str(error))
        if not isinstance(found, str):
            self._shown.note(external_id)
        return found

    def _list_others(self, page: Sequence[Record]) -> Iterable[str]:
        """Other invoices of the page, and then those that Kill Bill made first."""
        yield from (str(each.get("invoiceId")) for each in page[:MOST_OF_PAGE])
        yield from (str(each.get("invoiceId")) for each in self._api.list_page(PAGINATION, 0, MOST_OF_PAGE).records)

    def read_record(self, external_id: str) -> Record:
        """Raises NotFoundThereError."""
        return self._api.read_record(name_path("invoices", external_id))

    def read_issued(self, external_id: str) -> Record:
        """Raises UnknownInvoiceError, also for a draft and for a credit."""
        try:
            record = self.read_record(external_id)
        except NotFoundThereError as error:
            raise _build_unknown_invoice_error(external_id) from error
        if not is_invoice(record) or get_text(record, "invoiceId") != external_id:
            raise _build_unknown_invoice_error(external_id)
        return record

    def read_invoice(self, external_id: str) -> ExternalInvoice:
        record = self.read_issued(external_id)
        return self._complete(record, self.find_terms(get_text(record, "accountId")))

    def _complete(self, record: Record, terms_days: int) -> ExternalInvoice:
        """With by what it was paid, which is asked for where something was; and whether it is written off, where nothing is open."""
        external_id = get_text(record, "invoiceId")
        paid = count_paid(record)
        payments = self._api.list_records(name_path("invoices", external_id, "payments")) if paid else []
        is_unexplained = count_payments(record, payments) < paid and not record.get("balance") and get_text(record, "status") == "COMMITTED"
        return build_invoice(record, payments, terms_days, self.find_write_off(record) if is_unexplained else None)

    def find_write_off(self, record: Record) -> date | None:
        """When the invoice was tagged as written off; None where it is not. The day of its issue, where Kill Bill does not say when."""
        for tag in self._api.list_records(name_path("invoices", get_text(record, "invoiceId"), "tags"), audit="MINIMAL"):
            if tag.get("tagDefinitionId") == WRITTEN_OFF:
                told = [each for each in list_entries(tag, "auditLogs") if each.get("changeDate")]
                return read_day(told[0], "changeDate") if told else read_day(record, "invoiceDate")
        return None

    def list_fields(self, account_id: str) -> list[tuple[str, str]]:
        """(name, value) of the account's custom fields, in the order in which they came."""
        found = self._api.list_records(name_path("accounts", account_id, "customFields"))
        return [(get_text(each, "name"), get_text(each, "value")) for each in found]

    def find_terms(self, account_id: str) -> int:
        """In how many days the account's invoices are due: as its custom field says, else as the connection does."""
        said = [value for name, value in self.list_fields(account_id) if name == self._settings.terms_field]
        if not said:
            return self._settings.terms_days
        days = parse_digits(said[-1].strip())
        if days is None or days > LONGEST_TERM:
            raise RefusedByBillingError(f"the account's custom field {self._settings.terms_field!r} has no number of days; write one there")
        return days

    def read_account_record(self, account_id: str) -> Record:
        """Raises UnknownAccountError."""
        try:
            return self._api.read_record(name_path("accounts", account_id))
        except NotFoundThereError as error:
            raise UnknownAccountError(f"Kill Bill has no account {account_id!r}; look for it there") from error

    def is_blocked(self, account_id: str) -> bool:
        """By the last state of Duecourse's own service."""
        states = self._api.list_records(name_path("accounts", account_id, "block"))
        own = [state for state in states if state.get("service") == SERVICE and state.get("type") == "ACCOUNT"]
        return bool(own) and own[-1].get("isBlockEntitlement") is True

    def read_account(self, account_id: str) -> ExternalAccount:
        record = self.read_account_record(account_id)
        email, country, locale, key = (get_text(record, name) for name in ("email", "country", "locale", "externalKey"))
        return ExternalAccount(
            account_id=account_id,
            name=get_text(record, "name") or get_text(record, "company"),
            country=country or None,
            language=locale.replace("-", "_").partition("_")[0].lower() or None,
            emails=(email,) if email else (),
            suspended=self.is_blocked(account_id),
            number=key if key != account_id else "",
        )

    def list_open_items(self, cursor: str | None, limit: int) -> OpenReceivablePage:
        """By accounts: those of which something is owed, and their unpaid invoices, which come with their amounts."""
        page = self._api.list_page("accounts/pagination", parse_digits(cursor or "0") or 0, limit, accountWithBalance="true")
        items: list[OpenReceivable] = []
        unread: list[UnreadRow] = []
        for account in page.records:
            if not account.get("accountBalance"):
                continue
            account_id = get_text(account, "accountId")
            path = name_path("accounts", account_id, "invoices")
            for record in self._api.list_records(path, unpaidInvoicesOnly="true", withItems="true"):
                try:
                    invoice = build_invoice(record, (), 0, None) if is_invoice(record) else None
                except BillingError as error:
                    unread.append(UnreadRow(str(record.get("invoiceId")), str(error)))
                    continue
                if invoice is not None and invoice.open_balance:
                    items.append(OpenReceivable(invoice.external_id, account_id, invoice.number, invoice.currency, invoice.open_balance))
        return OpenReceivablePage(tuple(items), None if page.next is None else str(page.next), tuple(unread))

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        """As Kill Bill prints it: a page of HTML."""
        record = self.read_issued(external_id)
        answer = self._api.fetch(name_path("invoices", external_id, "html"), accept="text/html")
        return InvoiceDocument(f"invoice-{get_text(record, 'invoiceNumber')}.html", "text/html", answer.content)


def _build_unknown_invoice_error(external_id: str) -> UnknownInvoiceError:
    return UnknownInvoiceError(f"Kill Bill has no invoice of the id {external_id!r} that asks for money; look for it there")
