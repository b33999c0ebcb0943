"""Reading Salesforce: its changes, invoices, customers, open items, unapplied payments and credit notes.

Changes are read by `SystemModstamp`, of invoices and of what is applied to them: an invoice whose balance is computed from its applications
may not be moved by them. What was deleted is read from the recycle bin.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from adapters.billing.changes_by_second import SECOND, SecondCursor, take_page
from adapters.billing.errors import UnknownAccountError, UnknownInvoiceError
from adapters.billing.external_records import (
    BalanceCheck,
    ChangePage,
    CreditPage,
    ExternalAccount,
    ExternalCredit,
    ExternalInvoice,
    OpenReceivable,
    OpenReceivablePage,
    UnreadRow,
)
from adapters.billing.unread_rows import build_each, require_built
from adapters.salesforce.invoice_records import InvoiceApplications, build_invoice, counts_otherwise, is_issued, read_currency
from adapters.salesforce.salesforce_api import SalesforceApi, SalesforceSettings
from adapters.salesforce.salesforce_map import ApplicationNames, SalesforceMap, SourceNames
from adapters.salesforce.salesforce_records import Record, dig, is_id, quote, quote_all, read_day, read_moment, to_minor, write_moment

_ALWAYS = ("Id", "SystemModstamp", "CreatedDate", "IsDeleted")
_COUNTRY = re.compile(r"[A-Z]{2}")
_SAMPLE = 50
_MOST_DIFFERING = 1_000
"""Invoices with a balance that is otherwise, that are kept to be named."""
_BEFORE = timedelta(days=1)
"""How long before the first reading applications are read: what was applied before, the invoices say that are read anyway."""


class _Stream(NamedTuple):
    """Records whose changes say that an invoice changed. `invoice`: the field that names it."""

    object: str
    invoice: str


class SalesforceReader:
    def __init__(
        self,
        api: SalesforceApi,
        settings: SalesforceSettings,
        fields: SalesforceMap,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api, self._settings, self._fields, self._now = api, settings, fields, now
        self._differing: dict[str, str] = {}
        applied = (fields.payment_application, fields.credit_application)
        self._streams = [
            _Stream(fields.invoice.object, "Id"),
            *(_Stream(each.object, each.invoice) for each in applied if each is not None),
        ]

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        """A page of one stream, and its invoices as they stand; the streams are read one after the other, the invoices' first. What is
        deleted, or no longer asks money of anybody, is gone."""
        started = self._now()
        turn, places = self._parse(cursor, started)
        stream, place = self._streams[turn], places[turn]
        rows = self._find_changed(stream, place, limit)
        page = take_page(place, [(read_moment(row["SystemModstamp"]), row["Id"]) for row in rows], limit, started)
        places[turn] = page.cursor
        turn = turn if page.has_more else (turn + 1) % len(self._streams)
        following = [turn, *(str(each) for each in places)]
        invoice_ids = dict.fromkeys(dig(row, stream.invoice) for row in rows[: page.taken])
        records = self._find_invoices([each for each in invoice_ids if each], with_deleted=True)
        issued = [record for record in records if not record["IsDeleted"] and is_issued(record, self._fields)]
        invoices, unread = self._complete(issued)
        standing = {record["Id"] for record in issued}
        gone = tuple(record["Id"] for record in records if record["Id"] not in standing)
        return ChangePage(invoices, gone, json.dumps(following), page.has_more or turn != 0, unread)

    def _parse(self, cursor: str | None, now: datetime) -> tuple[int, list[SecondCursor]]:
        """Whose turn it is, and the place in each stream. The map may have been changed since: a stream that is new begins as at first."""
        turn, *texts = json.loads(cursor) if cursor is not None else (0,)
        beginning = SecondCursor.parse(None)
        recent = beginning._replace(at=(now - _BEFORE).replace(microsecond=0))
        fresh = [beginning, *(recent for _ in self._streams[1:])]
        known = [SecondCursor.parse(text) for text in texts[: len(fresh)]]
        return turn % len(fresh), [*known, *fresh[len(known) :]]

    def _find_changed(self, stream: _Stream, place: SecondCursor, limit: int) -> Sequence[Record]:
        conditions = [] if place.is_beginning else [f"SystemModstamp >= {write_moment(place.at)}"]
        order = "SystemModstamp, Id"
        if place.after is not None:
            conditions.append(f"SystemModstamp < {write_moment(place.at + SECOND)}")
            conditions += [f"Id > {quote(place.after)}"] if place.after else []
            order = "Id"
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        fields = ", ".join(dict.fromkeys(("Id", "SystemModstamp", stream.invoice)))
        return self._api.query(f"SELECT {fields} FROM {stream.object}{where} ORDER BY {order} LIMIT {limit}", with_deleted=True)

    def _find_invoices(self, ids: Sequence[str], *, with_deleted: bool = False) -> list[Record]:
        if not ids:
            return []
        invoice = self._fields.invoice
        fields = ", ".join(dict.fromkeys((*_ALWAYS, *invoice.list_fields())))
        text = f"SELECT {fields} FROM {invoice.object} WHERE Id IN {quote_all(ids)} ORDER BY Id"
        return list(self._api.query(text, with_deleted=with_deleted))

    def _complete(self, records: Sequence[Record]) -> tuple[tuple[ExternalInvoice, ...], tuple[UnreadRow, ...]]:
        """With what is applied to them, in two calls for all."""
        ids = [record["Id"] for record in records]
        payments = self._find_applications(self._fields.payment_application, ids)
        credits = self._find_applications(self._fields.credit_application, ids)

        def build(record: Record) -> ExternalInvoice:
            applications = InvoiceApplications(payments[record["Id"]], credits[record["Id"]])
            trusts = self._settings.trusts_balance
            built = build_invoice(record, applications, self._fields, self._settings.currency, trusts_balance=trusts)
            if trusts:
                self._note_balance(record, built)
            return built

        return build_each(records, build, _name)

    def _find_applications(self, mapped: ApplicationNames | None, ids: Iterable[str]) -> defaultdict[str, list[Record]]:
        found: defaultdict[str, list[Record]] = defaultdict(list)
        if mapped is None or not (wanted := list(ids)):
            return found
        fields = ", ".join(dict.fromkeys((*_ALWAYS, *mapped.list_fields())))
        for record in self._api.query(f"SELECT {fields} FROM {mapped.object} WHERE {mapped.invoice} IN {quote_all(wanted)}"):
            found[dig(record, mapped.invoice)].append(record)
        return found

    def _note_balance(self, record: Record, built: ExternalInvoice) -> None:
        """Keep in mind an invoice whose balance is otherwise, until it is read and is not, or until all are listed anew."""
        self._differing.pop(built.external_id, None)
        if len(self._differing) < _MOST_DIFFERING and counts_otherwise(record, built, self._fields):
            self._differing[built.external_id] = built.number

    def check_balances(self) -> BalanceCheck:
        """Of a sample of posted invoices to which something is applied: whether their balances are their totals less that; and those that
        were read, and were seen to be otherwise."""
        records, computed = self._sample_invoices(_SAMPLE)
        differing = {
            invoice.external_id: invoice.number
            for record, invoice in zip(records, computed, strict=True)
            if to_minor(dig(record, self._fields.invoice.balance), invoice.currency) != invoice.open_balance
        }
        others = {external_id: number for external_id, number in list(self._differing.items()) if external_id not in differing}
        checked = {record["Id"] for record in records} | others.keys()
        return BalanceCheck(len(checked), (*differing.values(), *others.values()), self._settings.trusts_balance)

    def _sample_invoices(self, limit: int) -> tuple[list[Record], tuple[ExternalInvoice, ...]]:
        """As they are, and as they would be with a computed balance."""
        ids: dict[str, None] = {}
        for mapped in (self._fields.payment_application, self._fields.credit_application):
            if mapped is not None:
                text = (
                    f"SELECT {mapped.invoice} FROM {mapped.object} WHERE {mapped.invoice} != null ORDER BY CreatedDate DESC LIMIT {limit}"
                )
                ids |= dict.fromkeys(dig(row, mapped.invoice) for row in self._api.query(text))
        posted = self._fields.invoice.posted
        records = [
            record
            for record in self._find_invoices(list(ids))
            if is_issued(record, self._fields) and dig(record, self._fields.invoice.status) in posted
        ]
        computing = SalesforceReader(self._api, self._settings._replace(trusts_balance=False), self._fields, self._now)
        computed, _ = computing._complete(records)
        read = {invoice.external_id for invoice in computed}
        return [record for record in records if record["Id"] in read], computed

    def read_invoice(self, external_id: str) -> ExternalInvoice:
        records = [each for each in self._find_invoices([external_id]) if is_issued(each, self._fields)] if is_id(external_id) else []
        if not records:
            raise UnknownInvoiceError(f"Salesforce has no posted invoice of the id {external_id!r}; look for it there")
        return require_built(*self._complete(records))

    def read_account_record(self, account_id: str) -> Record:
        """Raises UnknownAccountError."""
        account, hold = self._fields.account, self._settings.hold_field
        fields = ", ".join(dict.fromkeys(("Id", *account.list_fields(), *((hold,) if hold else ()))))
        text = f"SELECT {fields} FROM {account.object} WHERE Id = {quote(account_id)}"
        found = self._api.query(text) if is_id(account_id) else []
        if not found:
            raise UnknownAccountError(f"Salesforce has no account {account_id!r}; look for it there")
        return found[0]

    def find_contacts(self, account_id: str) -> Sequence[Record]:
        """Of the account, those with an address: who was billed last first."""
        text = f"SELECT Id, Email FROM Contact WHERE AccountId = {quote(account_id)} AND Email != null ORDER BY CreatedDate LIMIT 10"
        contacts = self._api.query(text)
        invoice = self._fields.invoice
        if invoice.contact is None or len(contacts) < 2:
            return contacts
        billed = self._api.query(
            f"SELECT {invoice.contact} FROM {invoice.object} WHERE {invoice.account} = {quote(account_id)} AND {invoice.contact} != null "
            "ORDER BY CreatedDate DESC LIMIT 1"
        )
        first = dig(billed[0], invoice.contact) if billed else None
        return sorted(contacts, key=lambda contact: contact["Id"] != first)

    def read_account(self, account_id: str) -> ExternalAccount:
        record, hold = self.read_account_record(account_id), self._settings.hold_field
        country = dig(record, self._fields.account.country) if self._fields.account.country else None
        return ExternalAccount(
            account_id=record["Id"],
            name=dig(record, self._fields.account.name) or record["Id"],
            country=country if isinstance(country, str) and _COUNTRY.fullmatch(country) else None,
            language=None,
            emails=tuple(dict.fromkeys(contact["Email"] for contact in self.find_contacts(record["Id"]))),
            suspended=bool(record[hold]) if hold else None,
            number=str(dig(record, self._fields.account.number) or "") if self._fields.account.number else "",
        )

    def list_open_items(self, cursor: str | None, limit: int) -> OpenReceivablePage:
        """Posted invoices of which something is owed; where the balance is computed, all posted ones are read for it."""
        invoice = self._fields.invoice
        if cursor is None:
            self._differing.clear()
        conditions = [f"{invoice.status} IN {quote_all(invoice.posted)}"]
        conditions += [f"{invoice.balance} > 0"] if self._settings.trusts_balance else []
        conditions += [f"Id > {quote(cursor)}"] if cursor else []
        fields = ", ".join(dict.fromkeys((*_ALWAYS, *invoice.list_fields())))
        records = self._api.query(f"SELECT {fields} FROM {invoice.object} WHERE {' AND '.join(conditions)} ORDER BY Id LIMIT {limit}")
        issued = [record for record in records if is_issued(record, self._fields)]
        invoices, unread = self._complete(issued)
        items = tuple(
            OpenReceivable(each.external_id, each.account_id, each.number, each.currency, each.open_balance)
            for each in invoices
            if each.open_balance > 0
        )
        return OpenReceivablePage(items, records[-1]["Id"] if len(records) == limit else None, unread)

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        """Payments first, then credit notes. What cannot be read of it is left out: nothing is chased for it."""
        kind, _, after = (cursor or "payment:").partition(":")
        mapped, is_credit_note = (self._fields.payment, False) if kind == "payment" else (self._fields.credit_note, True)
        records: Sequence[Record] = []
        found: tuple[ExternalCredit, ...] = ()
        if mapped is not None:
            records = self._find_unapplied(mapped, after, limit)
            found, _ = build_each(records, lambda record: self._build_credit(record, mapped, is_credit_note), _name)
        if len(records) == limit:
            return CreditPage(found, f"{kind}:{records[-1]['Id']}")
        return CreditPage(found, None if is_credit_note else "credit_note:")

    def _find_unapplied(self, mapped: SourceNames, after: str, limit: int) -> Sequence[Record]:
        fields = ", ".join(dict.fromkeys((*_ALWAYS, *mapped.list_fields())))
        conditions = [f"{mapped.status} IN {quote_all(mapped.posted)}", f"{mapped.left} > 0", f"{mapped.account} != null"]
        conditions += [f"Id > {quote(after)}"] if after else []
        return self._api.query(f"SELECT {fields} FROM {mapped.object} WHERE {' AND '.join(conditions)} ORDER BY Id LIMIT {limit}")

    def _build_credit(self, record: Record, mapped: SourceNames, is_credit_note: bool) -> ExternalCredit:
        currency = read_currency(record, mapped.currency, self._settings.currency)
        came_on = read_day(dig(record, mapped.came_on)) or read_day(record["CreatedDate"])
        assert came_on is not None
        return ExternalCredit(
            external_id=record["Id"],
            account_id=dig(record, mapped.account),
            is_credit_note=is_credit_note,
            currency=currency,
            left=to_minor(dig(record, mapped.left), currency),
            came_on=came_on,
            reference=str(dig(record, mapped.number) or ""),
        )


def _name(record: Record) -> str:
    return str(record["Id"])
