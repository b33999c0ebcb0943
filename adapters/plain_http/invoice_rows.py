"""From an object of the API to what the port says of an invoice, a customer, a credit."""

import hashlib
from typing import Any

from adapters.billing.external_key import ExternalKey, ExternalKeyError, SystemKey
from adapters.billing.external_records import (
    DuePart,
    ExternalAccount,
    ExternalCredit,
    ExternalInvoice,
    Settlement,
    SettlementKind,
)
from adapters.billing.json_values import describe_type, dig
from adapters.plain_http.api_description import ApiDescription, SettlementRows, StatusWord
from adapters.plain_http.row_fields import SHOWN, OpenedRow, RowFaultError, RowFields
from domain.billing.billing_events import InvoiceStatus

MOST_ENTRIES = 1_000
"""Of one invoice's lists: no invoice has more instalments or payments."""
LONGEST_NAME = 500
_CLOSED_BY = {SettlementKind.CREDIT_NOTE: InvoiceStatus.CREDITED, SettlementKind.WRITE_OFF: InvoiceStatus.WRITTEN_OFF}
_ASKS_NOTHING = ("cancelled", "credited", "written_off")


class InvoiceRows:
    """Compiled once for a description. Every method raises RowFaultError."""

    def __init__(self, description: ApiDescription, owner: SystemKey, time_zone: str) -> None:
        """`owner`: whose ids they are."""
        invoices, self._owner = description.invoices, owner
        self._statuses = invoices.statuses
        self._fields = RowFields(description, invoices.fields, time_zone)
        parts = invoices.due_parts
        self._parts = (parts.rows, RowFields(description, parts.fields, time_zone)) if parts else None
        self._settlements = [(each, RowFields(description, each.fields, time_zone)) for each in invoices.settlements]
        self._account = RowFields(description, description.accounts.fields, time_zone)
        self._credit = RowFields(description, description.credits.fields, time_zone) if description.credits else None

    def read_id(self, row: Any) -> str:
        return self._read_id(self._fields.open(row), "id")

    def _read_id(self, opened: OpenedRow, name: str) -> str:
        text = opened.read_needed(name)
        try:
            ExternalKey.build(self._owner, text)
        except ExternalKeyError as error:
            raise RowFaultError(f"{name}: {error}") from error
        return text

    def build_invoice(self, row: Any) -> ExternalInvoice | None:
        """None for what is not to be chased: by its status, or because it asks for nothing."""
        opened = self._fields.open(row)
        external_id, word = self._read_id(opened, "id"), self._read_status(opened)
        if word == "not_chased":
            return None
        currency = opened.read_currency()
        total = opened.read_amount("total", currency)
        if total <= 0:
            return None
        open_balance = self._read_open_balance(opened, word, total, currency)
        settlements = self._list_settlements(row, currency)
        issued = opened.read_day("issue_date")
        parts = self._list_parts(row, currency, total) or (DuePart(opened.read_due_date(issued), total, open_balance),)
        return ExternalInvoice(
            external_id=external_id,
            version=hashlib.sha256(repr(row).encode()).hexdigest()[:32],
            account_id=self._read_id(opened, "account_id"),
            number=opened.read_needed("number"),
            issue_date=issued,
            currency=currency,
            total=total,
            open_balance=open_balance,
            status=_find_status(word, open_balance, settlements),
            due_parts=_share_open(parts, open_balance),
            settlements=settlements,
            ledger_currency=opened.read_currency("ledger_currency") if opened.read_text("ledger_currency") else currency,
            reference=opened.read_text("reference"),
            payment_link=opened.read_text("payment_link"),
        )

    def _read_status(self, opened: OpenedRow) -> StatusWord | None:
        """None where the description leaves it to the amounts."""
        if not self._statuses:
            return None
        word = opened.read_needed("status")
        if word not in self._statuses:
            raise RowFaultError(f"status: {word[:SHOWN]!r} is not in the description's 'statuses'; add what it means there")
        return self._statuses[word]

    def _read_open_balance(self, opened: OpenedRow, word: StatusWord | None, total: int, currency: str) -> int:
        if word in _ASKS_NOTHING:
            return 0
        balance, paid = opened.read_text("open_balance"), opened.read_text("paid_amount")
        if balance:
            owed = opened.read_amount("open_balance", currency)
        elif paid:
            owed = total - opened.read_amount("paid_amount", currency)
        else:
            raise RowFaultError("open_balance: is empty or not there, so nobody can tell what is owed")
        owed = max(owed, 0)
        if owed > total:
            raise RowFaultError(f"open_balance: of {total} minor units {owed} are open")
        if word == "paid" and owed:
            raise RowFaultError(f"status: says that it is paid, and {owed} minor units of it are open")
        return owed

    def _list_parts(self, row: Any, currency: str, total: int) -> tuple[DuePart, ...]:
        if self._parts is None:
            return ()
        path, fields = self._parts
        parts = []
        for opened in (fields.open(each) for each in _list_entries(row, path)):
            amounts = opened.read_amount("amount", currency), opened.read_amount("open_amount", currency)
            parts.append(DuePart(opened.read_day("due_date"), *amounts))
        if parts and sum(part.amount for part in parts) != total:
            raise RowFaultError(f"{path}: its parts add up to {sum(part.amount for part in parts)}, and the invoice to {total} minor units")
        return tuple(sorted(parts))

    def _list_settlements(self, row: Any, currency: str) -> tuple[Settlement, ...]:
        found = [
            settlement
            for rows, fields in self._settlements
            for each in _list_entries(row, rows.rows)
            if (settlement := self._build_settlement(fields.open(each), rows, currency)).amount > 0
        ]
        return tuple(sorted(found, key=lambda each: each.settled_on))

    def _build_settlement(self, opened: OpenedRow, rows: SettlementRows, currency: str) -> Settlement:
        amount, external_id = opened.read_amount("amount", currency), self._read_id(opened, "id")
        return Settlement(external_id, SettlementKind(rows.kind), amount, opened.read_day("on"), opened.read_text("reference"))

    def build_account(self, row: Any, account_id: str) -> ExternalAccount:
        opened = self._account.open(row)
        country, language = opened.read_text("country").upper(), opened.read_text("language").replace("_", "-").partition("-")[0].lower()
        email = opened.read_text("email")
        return ExternalAccount(
            account_id=account_id,
            name=opened.read_text("name")[:LONGEST_NAME],
            country=country if len(country) == 2 and country.isascii() and country.isalpha() else None,
            language=language or None,
            emails=(email,) if email else (),
            suspended=opened.read_truth("suspended"),
            number=opened.read_text("number"),
        )

    def build_credit(self, row: Any) -> ExternalCredit | None:
        """None for one of which nothing is left."""
        assert self._credit is not None
        opened = self._credit.open(row)
        currency = opened.read_currency()
        left = opened.read_amount("amount", currency)
        if left <= 0:
            return None
        return ExternalCredit(
            external_id=self._read_id(opened, "id"),
            account_id=self._read_id(opened, "account_id"),
            is_credit_note=bool(opened.read_truth("credit_note")),
            currency=currency,
            left=left,
            came_on=opened.read_day("on"),
            reference=opened.read_text("reference"),
        )

    def parse_amount(self, value: Any, currency: str, name: str) -> int:
        """An amount that stands outside the mapped fields, in minor units."""
        return self._fields.parse_value(value, currency, name)


def _find_status(word: StatusWord | None, open_balance: int, settlements: tuple[Settlement, ...]) -> InvoiceStatus:
    if word in _ASKS_NOTHING:
        return InvoiceStatus(word)
    if open_balance:
        return InvoiceStatus.OPEN
    if word == "paid":
        return InvoiceStatus.PAID
    return _CLOSED_BY.get(settlements[-1].kind, InvoiceStatus.PAID) if settlements else InvoiceStatus.PAID


def _share_open(parts: tuple[DuePart, ...], open_balance: int) -> tuple[DuePart, ...]:
    """What is open, as the invoice says it in all: where its parts say otherwise, the latest are open."""
    if sum(part.open_amount for part in parts) == open_balance:
        return parts
    shared, left = [], open_balance
    for part in reversed(parts):
        owed = min(left, part.amount)
        left -= owed
        shared.append(part._replace(open_amount=owed))
    return tuple(reversed(shared))


def _list_entries(row: Any, path: str) -> list[Any]:
    entries = dig(row, path)
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise RowFaultError(f"{path}: is {describe_type(entries)}, where a list should be")
    if len(entries) > MOST_ENTRIES:
        raise RowFaultError(f"{path}: has {len(entries):,} entries; at most {MOST_ENTRIES:,} are read")
    return entries
