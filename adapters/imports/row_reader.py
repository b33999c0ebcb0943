"""One row of a file as an invoice and its account, or the reason why not. Compiled once for a file, then run for every row."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import available_timezones

from babel import Locale

from adapters.imports.cell_parsing import AmountReader, Cell, DateReader, as_text, is_true
from adapters.imports.column_mapping import Mapping
from adapters.imports.column_sources import RowFault, getter
from domain.money import CURRENCIES, minor_digits

LANGUAGES = ("en", "de", "fr", "es")
ACCOUNTS_KEPT = 20_000
AMOUNTS = ("total", "open_balance", "paid_amount")
NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
ADDRESS = re.compile(r"[^@\s,;<>\"()]+@[^@\s,;<>\"().]+(?:\.[^@\s,;<>\"().]+)+")


class AccountDetails(NamedTuple):
    """What a row says of its account and contact. An empty text, and None, says nothing: what is known stays."""

    id: str
    country: str
    time_zone: str
    language: str
    name: str = ""
    segment: str = ""
    collector: str = ""
    contact_name: str = ""
    email: str = ""
    phone: str = ""
    prepaid: bool | None = None


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """What was known at the business date. Amounts in minor units; `paid` may exceed the total. `disputed` is None where the file
    does not say; `fingerprint` is the SHA-256 of all of it."""

    invoice_id: str
    account: AccountDetails
    number: str
    issue_date: date
    due_date: date
    currency: str
    total: int
    paid: int
    settled_on: date | None
    disputed: bool | None
    cancelled: bool
    fingerprint: str


class RowReader:
    def __init__(self, mapping: Mapping, header: Sequence[str], decimals: dict[str, str], business_date: date) -> None:
        """`decimals`: the decimal mark of each column of amounts."""
        sources = mapping.fields.sources()
        self._business_date, self.decimals = business_date, decimals
        self._width = len(header)
        self._labels = {name: source.label or name for name, source in sources.items()}
        self._get = {name: getter(source, header) for name, source in sources.items()}
        self._account = [(name, self._get[_FIELD_OF[name]]) for name in AccountDetails._fields if _FIELD_OF[name] in self._get]
        self._dates = DateReader(mapping.file.dates)
        self._amounts = {name: AmountReader(decimals.get(sources[name].label or "", ".")) for name in AMOUNTS if name in sources}
        self._true = frozenset(word.casefold() for word in mapping.file.true_words)
        self._false = frozenset(word.casefold() for word in mapping.file.false_words)
        used = {column for name in _FIELD_OF.values() if name in sources for column in sources[name].mentioned()}
        self._account_places = [place for place, name in enumerate(header) if name in used]
        self._accounts: dict[tuple[Cell, ...], AccountDetails] = {}

    def read(self, cells: Sequence[Cell]) -> InvoiceRow:
        """Raises RowFault."""
        if len(cells) != self._width:
            cells = self._fitted(cells)
        currency = self._text("currency", cells).upper()
        if currency not in CURRENCIES:
            raise self._fault("currency", currency, "is not an ISO 4217 currency code such as EUR")
        number = self._needed("number", cells)
        issued, due = self._date("issue_date", cells), self._date("due_date", cells)
        if issued is None or due is None:
            raise self._fault("issue_date" if issued is None else "due_date", "", "is empty; every invoice needs this date")
        if due < issued:
            raise self._fault(
                "due_date", due.isoformat(), f"lies before the issue date {issued.isoformat()}; check the order of day and month"
            )
        total = self._amount("total", cells, currency)
        if total is None:
            raise self._fault("total", "", "is empty; every invoice needs an amount")
        settled_on = self._date("settled_on", cells)
        paid = self._paid(cells, currency, total, settled_on)
        account = self._account_of(cells)
        content = (
            self._text("invoice_id", cells) or number, account, number, issued, due, currency, total, paid,
            settled_on if settled_on and settled_on <= self._business_date else None,
            self._flag("disputed", cells), bool(self._flag("cancelled", cells)),
        )  # fmt: skip
        return InvoiceRow(*content, fingerprint=hashlib.sha256(repr(content).encode()).hexdigest())

    def _paid(self, cells: Sequence[Cell], currency: str, total: int, settled_on: date | None) -> int:
        """What lies after the business date is not known yet: an invoice settled later is open today."""
        open_balance = self._amount("open_balance", cells, currency)
        paid = self._amount("paid_amount", cells, currency)
        if open_balance is not None and open_balance > total:
            raise self._fault("open_balance", self._text("open_balance", cells), f"is more than the total {self._text('total', cells)}")
        stated = paid if paid is not None else 0 if open_balance is None else total - open_balance
        if settled_on is None:
            return stated
        if settled_on > self._business_date:
            return stated if stated < total else 0
        if open_balance:
            raise self._fault("open_balance", self._text("open_balance", cells), f"is still open, yet settled on {settled_on.isoformat()}")
        return max(stated, total)

    def _fitted(self, cells: Sequence[Cell]) -> Sequence[Cell]:
        if any(as_text(cell) for cell in cells[self._width :]):
            raise RowFault(
                f"the row has {len(cells)} cells, the header {self._width}; put quotation marks around a cell with a delimiter in it"
            )
        return [*cells[: self._width], *[""] * (self._width - len(cells))]

    def _text(self, name: str, cells: Sequence[Cell]) -> str:
        get = self._get.get(name)
        return as_text(get(cells)) if get else ""

    def _needed(self, name: str, cells: Sequence[Cell]) -> str:
        if not (text := self._text(name, cells)):
            raise self._fault(name, "", "is empty")
        return text

    def _date(self, name: str, cells: Sequence[Cell]) -> date | None:
        get = self._get.get(name)
        if get is None or (cell := get(cells)) is None or cell == "":
            return None
        try:
            return self._dates.read(cell)
        except ValueError as error:
            raise self._fault(name, as_text(cell), str(error)) from error

    def _amount(self, name: str, cells: Sequence[Cell], currency: str) -> int | None:
        """Minor units; None where the file says nothing."""
        get = self._get.get(name)
        if get is None or (cell := get(cells)) is None or cell == "":
            return None
        try:
            minor = self._amounts[name].read(cell, minor_digits(currency), currency)
        except (ValueError, ArithmeticError) as error:
            raise self._fault(name, as_text(cell), str(error)) from error
        if minor < 0:
            raise self._fault(name, as_text(cell), "is negative; record it as a credit note instead")
        return minor

    def _flag(self, name: str, cells: Sequence[Cell]) -> bool | None:
        get = self._get.get(name)
        return self._yes_or_no(name, as_text(get(cells)) if get else "")

    def _yes_or_no(self, name: str, text: str) -> bool | None:
        if not text:
            return None
        try:
            return is_true(text, self._true, self._false)
        except ValueError as error:
            raise self._fault(name, text, str(error)) from error

    def _account_of(self, cells: Sequence[Cell]) -> AccountDetails:
        """Read and checked once for all rows that say the same of it."""
        key = tuple([cells[place] for place in self._account_places])
        if (known := self._accounts.get(key)) is not None:
            return known
        details = self._check_account(tuple(as_text(get(cells)) for _, get in self._account))
        if len(self._accounts) == ACCOUNTS_KEPT:
            self._accounts.clear()
        self._accounts[key] = details
        return details

    def _check_account(self, texts: tuple[str, ...]) -> AccountDetails:
        values = dict(zip((name for name, _ in self._account), texts, strict=True))
        values |= {"country": values["country"].upper(), "language": values["language"].lower()}
        prepaid = self._yes_or_no("prepaid", values.pop("prepaid", ""))
        details = AccountDetails(**values, prepaid=prepaid)
        if not details.id:
            raise self._fault("account_id", "", "is empty")
        if details.country not in _countries():
            raise self._fault("country", details.country, "is not an ISO 3166 country code such as DE")
        if details.time_zone not in _time_zones():
            raise self._fault("time_zone", details.time_zone, "is not an IANA time zone such as Europe/Berlin")
        if details.language not in LANGUAGES:
            raise self._fault("language", details.language, f"is not a language of the letters; write one of: {', '.join(LANGUAGES)}")
        if details.email and not ADDRESS.fullmatch(details.email):
            raise self._fault("email", details.email, "is not an e-mail address")
        return details

    def _fault(self, name: str, value: str, complaint: str) -> RowFault:
        return RowFault(
            f"{self._labels.get(name, name)}: {value!r} {complaint}" if value else f"{self._labels.get(name, name)}: {complaint}"
        )


_FIELD_OF = {name: {"id": "account_id", "name": "account_name"}.get(name, name) for name in AccountDetails._fields}


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    codes = (str(code) for code in Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - NO_COUNTRIES


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
