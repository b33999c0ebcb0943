"""Reading Tryton: its changes, invoices, customers, open items, unapplied receipts and credit notes."""

import json
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from adapters.billing.errors import UnknownAccountError, UnknownInvoiceError
from adapters.billing.external_records import (
    ChangePage,
    CreditPage,
    ExternalAccount,
    ExternalCredit,
    ExternalInvoice,
    InvoiceDocument,
    OpenReceivable,
    OpenReceivablePage,
    SettlementKind,
)
from adapters.billing.unread_rows import build_each, require_built
from adapters.tryton.invoice_records import INVOICE_FIELDS, ISSUED_STATES, build_invoice, find_settlement_kind, is_invoice
from adapters.tryton.tryton_api import MissingInTrytonError, NoSuchRecordError, TrytonApi
from adapters.tryton.tryton_records import Record, dig, to_minor
from domain.digits import parse_digits

OVERLAP = timedelta(minutes=10)
"""How long a change may take on the server from its `write_date`, which is when it began, until it can be seen."""
PARTY_FIELDS = ("name", "code", "lang.code", "addresses.country.code", "contact_mechanisms.type", "contact_mechanisms.value")
CREDIT_LIMIT = "credit_limit_amount"
_EVERY_ID = 2**62
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class ChangeCursor(NamedTuple):
    """What is read next: changes made after `at`, or at it and of a higher id. `end` is the latest change that was there when nothing more
    was, first seen so at `end_seen` by the server's clock; all but the latter are of the database's clock, which may be another. `began`:
    when the first of the pages was read of which there is more, by the server's clock; None where none was."""

    at: datetime
    invoice_id: int
    end: datetime
    end_seen: datetime
    began: datetime | None = None

    @classmethod
    def parse(cls, text: str | None) -> "ChangeCursor":
        if text is None:
            return cls(_BEGINNING, 0, _BEGINNING, _BEGINNING)
        at, invoice_id, end, end_seen, *began = json.loads(text)
        moments = (datetime.fromisoformat(moment) for moment in (end, end_seen, *began))
        return cls(datetime.fromisoformat(at), invoice_id, *moments)

    def __str__(self) -> str:
        began = () if self.began is None else (self.began.isoformat(),)
        return json.dumps([self.at.isoformat(), self.invoice_id, self.end.isoformat(), self.end_seen.isoformat(), *began])

    def follow(self, last: Record, now: datetime) -> "ChangeCursor":
        """There is more after this one."""
        return self._replace(at=last["write_date"], invoice_id=last["id"], began=self.began or now)

    def rest(self, newest: datetime, now: datetime) -> "ChangeCursor":
        """There is nothing more. What was changed in the last minutes is read again, until no change that had begun by then can come; and
        in as many before as the pages took, with all interruptions: what one passed may have come since."""
        began = self.began or now
        if newest == self.end and began - self.end_seen > OVERLAP:
            return self._replace(at=newest, invoice_id=_EVERY_ID, began=None)
        seen = self.end_seen if newest == self.end else now
        took = max(now - began, timedelta())
        return ChangeCursor(max(newest - OVERLAP - took, _BEGINNING), 0, newest, seen)


class TrytonReader:
    def __init__(self, api: TrytonApi, company: int) -> None:
        self._api, self._company = api, company
        self._invoices = [["company", "=", company], ["type", "=", "out"], ["state", "in", list(ISSUED_STATES)], ["number", "!=", None]]

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        """By `write_date`, which every payment of an invoice moves. A change that is made meanwhile moves the invoice to the end, and is
        read then; a numbered invoice is never deleted."""
        place = ChangeCursor.parse(cursor)
        changed = ["OR", ["write_date", ">", place.at], [["write_date", "=", place.at], ["id", ">", place.invoice_id]]]
        domain = [*self._invoices, changed] if place.at > _BEGINNING else self._invoices
        order = (("write_date", "ASC"), ("id", "ASC"))
        rows, now = self._api.find_at("account.invoice", domain, INVOICE_FIELDS, order=order, limit=limit)
        has_more = len(rows) == limit
        newest = max(place.end, rows[-1]["write_date"] if rows else place.at)
        following = place.follow(rows[-1], now) if has_more else place.rest(newest, now)
        invoices, unread = build_each([row for row in rows if is_invoice(row)], build_invoice, _name)
        return ChangePage(invoices, (), str(following), has_more, unread)

    def read_record(self, external_id: str, *fields: str) -> Record:
        """The invoice, with further fields. Raises UnknownInvoiceError."""
        number = parse_digits(external_id)
        try:
            record = self._api.read("account.invoice", number or 0, (*INVOICE_FIELDS, "company", "type", *fields))
        except NoSuchRecordError as error:
            raise _build_unknown_invoice_error(external_id) from error
        if record["company"]["id"] != self._company or record["type"] != "out" or not is_invoice(record):
            raise _build_unknown_invoice_error(external_id)
        return record

    def read_invoice(self, external_id: str) -> ExternalInvoice:
        return require_built(*build_each([self.read_record(external_id)], build_invoice, _name))

    def read_party(self, account_id: str) -> Record:
        """With its credit limit, where the module for it is activated. Raises UnknownAccountError."""
        party_id = parse_digits(account_id) or 0
        try:
            try:
                return self._api.read("party.party", party_id, (*PARTY_FIELDS, CREDIT_LIMIT))
            except MissingInTrytonError:
                return self._api.read("party.party", party_id, PARTY_FIELDS)
        except NoSuchRecordError as error:
            raise UnknownAccountError(f"Tryton has no party {account_id!r}; look for it there") from error

    def read_account(self, account_id: str) -> ExternalAccount:
        party = self.read_party(account_id)
        countries = [dig(address, "country.code") for address in party["addresses"]]
        emails = [each["value"] for each in party["contact_mechanisms"] if each["type"] == "email"]
        limit = party.get(CREDIT_LIMIT)
        return ExternalAccount(
            account_id=account_id,
            name=party["name"] or "",
            country=next((country for country in countries if country), None),
            language=dig(party, "lang.code"),
            emails=tuple(email for email in emails if email),
            suspended=None if CREDIT_LIMIT not in party else limit is not None and limit == 0,
            number=party["code"] or "",
        )

    def list_open_items(self, cursor: str | None, limit: int) -> OpenReceivablePage:
        domain = [["company", "=", self._company], ["type", "=", "out"], ["state", "=", "posted"], ["id", ">", int(cursor or 0)]]
        fields = ("number", "party", "currency.code", "total_amount", "amount_to_pay", "state")
        rows = self._api.find("account.invoice", domain, fields, limit=limit)
        found, unread = build_each([row for row in rows if is_invoice(row)], _build_open_item, _name)
        items = tuple(item for item in found if item.open_balance > 0)
        return OpenReceivablePage(items, str(rows[-1]["id"]) if len(rows) == limit else None, unread)

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        """Lines in the customer's favour that are neither reconciled nor pay an invoice: a receipt that nobody has assigned moves no
        invoice, and stands nowhere else. What cannot be read of it is left out: nothing is chased for it."""
        domain = [
            ["move.company", "=", self._company],
            ["move_state", "=", "posted"],
            ["account.type.receivable", "=", True],
            ["reconciliation", "=", None],
            ["party", "!=", None],
            ["OR", ["credit", ">", 0], ["debit", "<", 0]],
            ["id", ">", int(cursor or 0)],
        ]
        fields = (
            *("party", "debit", "credit", "amount_second_currency", "second_currency.code", "invoice_payments", "move.date", "move.origin"),
            *("move.number", "move.description", "move.journal.type", "move.company.currency.code"),
        )
        rows = self._api.find("account.move.line", domain, fields, limit=limit)
        found, _ = build_each([row for row in rows if not row["invoice_payments"]], _build_credit, _name)
        return CreditPage(found, str(rows[-1]["id"]) if len(rows) == limit else None)

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        """As Tryton prints it: an OpenDocument text, unless the server has LibreOffice and its report is set to PDF."""
        return InvoiceDocument(*self._api.fetch_report("account.invoice", self.read_record(external_id)["id"]))


def _name(row: Record) -> str:
    return str(row["id"])


def _build_open_item(row: Record) -> OpenReceivable:
    currency = row["currency"]["code"]
    return OpenReceivable(str(row["id"]), str(row["party"]), row["number"], currency, to_minor(row["amount_to_pay"], currency))


def _build_credit(line: Record) -> ExternalCredit:
    move, foreign = line["move"], dig(line, "second_currency.code")
    currency = foreign or move["company"]["currency"]["code"]
    left = -line["amount_second_currency"] if foreign else line["credit"] - line["debit"]
    return ExternalCredit(
        external_id=f"line-{line['id']}",
        account_id=str(line["party"]),
        is_credit_note=find_settlement_kind(move) is SettlementKind.CREDIT_NOTE,
        currency=currency,
        left=to_minor(left, currency),
        came_on=move["date"],
        reference=move["description"] or move["number"] or "",
    )


def _build_unknown_invoice_error(external_id: str) -> UnknownInvoiceError:
    return UnknownInvoiceError(f"Tryton has no invoice of the id {external_id!r} in this company; look for it there")
