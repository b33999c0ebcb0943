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

from adapters.i18n.languages import LANGUAGES
from adapters.imports.cell_parsing import AmountParser, Cell, DateParser, format_cell, parse_boolean
from adapters.imports.column_mapping import ColumnMapping
from adapters.imports.column_sources import RowRejectedError, compile_getter
from domain.money import CURRENCIES, minor_digits

ACCOUNTS_CACHED = 20_000
AMOUNT_FIELDS = ("total", "open_balance", "paid_amount")
NON_COUNTRY_CODES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
EMAIL_PATTERN = re.compile(r"[^@\s,;<>\"()]+@[^@\s,;<>\"().]+(?:\.[^@\s,;<>\"().]+)+")


class ImportedAccount(NamedTuple):
    """The account and contact of a row. An empty text, or None, is no value: what is stored stays."""

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
class ImportedInvoice:
    """The invoice of a row as known at the business date. Amounts in minor units; `paid` may exceed the total. `disputed` is None where the
    file has no such column; `fingerprint` is the SHA-256 of all values."""

    invoice_id: str
    account: ImportedAccount
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
    """Reads the rows of a file by a mapping."""

    def __init__(self, mapping: ColumnMapping, header: Sequence[str], decimals: dict[str, str], business_date: date) -> None:
        """`decimals`: the decimal mark of each column of amounts; `business_date`: the day as of which rows are read."""
        sources = mapping.fields.get_sources()
        self._business_date, self.decimals = business_date, decimals
        self._width = len(header)
        self._labels = {name: source.label or name for name, source in sources.items()}
        self._getters = {name: compile_getter(source, header) for name, source in sources.items()}
        self._account_getters = [
            (name, self._getters[_FIELD_NAMES[name]]) for name in ImportedAccount._fields if _FIELD_NAMES[name] in self._getters
        ]
        self._date_parser = DateParser(mapping.file.dates)
        self._amount_parsers = {
            name: AmountParser(decimals.get(sources[name].label or "", ".")) for name in AMOUNT_FIELDS if name in sources
        }
        self._true_words = frozenset(word.casefold() for word in mapping.file.true_words)
        self._false_words = frozenset(word.casefold() for word in mapping.file.false_words)
        used = {column for name in _FIELD_NAMES.values() if name in sources for column in sources[name].list_columns()}
        self._account_columns = [index for index, name in enumerate(header) if name in used]
        self._account_cache: dict[tuple[Cell, ...], ImportedAccount] = {}

    def read_row(self, cells: Sequence[Cell]) -> ImportedInvoice:
        """Read a row. Raises RowRejectedError."""
        if len(cells) != self._width:
            cells = self._fit_to_header(cells)
        currency = self._read_text("currency", cells).upper()
        if currency not in CURRENCIES:
            raise self._build_rejection("currency", currency, "is not an ISO 4217 currency code such as EUR")
        number = self._require_text("number", cells)
        issued, due = self._read_date("issue_date", cells), self._read_date("due_date", cells)
        if issued is None or due is None:
            raise self._build_rejection("issue_date" if issued is None else "due_date", "", "is empty; every invoice needs this date")
        if due < issued:
            raise self._build_rejection(
                "due_date", due.isoformat(), f"lies before the issue date {issued.isoformat()}; check the order of day and month"
            )
        total = self._read_amount("total", cells, currency)
        if total is None:
            raise self._build_rejection("total", "", "is empty; every invoice needs an amount")
        settled_on = self._read_date("settled_on", cells)
        paid = self._read_paid_amount(cells, currency, total, settled_on)
        account = self._read_account(cells)
        content = (
            self._read_text("invoice_id", cells) or number,
            account,
            number,
            issued,
            due,
            currency,
            total,
            paid,
            settled_on if settled_on and settled_on <= self._business_date else None,
            self._read_flag("disputed", cells),
            bool(self._read_flag("cancelled", cells)),
        )
        return ImportedInvoice(*content, fingerprint=hashlib.sha256(repr(content).encode()).hexdigest())

    def _read_paid_amount(self, cells: Sequence[Cell], currency: str, total: int, settled_on: date | None) -> int:
        """Compute the paid amount (minor units) as of the business date: an invoice settled later is open on it."""
        open_balance = self._read_amount("open_balance", cells, currency)
        paid = self._read_amount("paid_amount", cells, currency)
        if open_balance is not None and open_balance > total:
            raise self._build_rejection(
                "open_balance", self._read_text("open_balance", cells), f"is more than the total {self._read_text('total', cells)}"
            )
        stated = paid if paid is not None else 0 if open_balance is None else total - open_balance
        if settled_on is None:
            return stated
        if settled_on > self._business_date:
            return stated if stated < total else 0
        if open_balance:
            raise self._build_rejection(
                "open_balance", self._read_text("open_balance", cells), f"is still open, yet settled on {settled_on.isoformat()}"
            )
        return max(stated, total)

    def _fit_to_header(self, cells: Sequence[Cell]) -> Sequence[Cell]:
        if any(format_cell(cell) for cell in cells[self._width :]):
            raise RowRejectedError(
                f"the row has {len(cells)} cells, the header {self._width}; put quotation marks around a cell with a delimiter in it"
            )
        return [*cells[: self._width], *[""] * (self._width - len(cells))]

    def _read_text(self, name: str, cells: Sequence[Cell]) -> str:
        get = self._getters.get(name)
        return format_cell(get(cells)) if get else ""

    def _require_text(self, name: str, cells: Sequence[Cell]) -> str:
        if not (text := self._read_text(name, cells)):
            raise self._build_rejection(name, "", "is empty")
        return text

    def _read_date(self, name: str, cells: Sequence[Cell]) -> date | None:
        get = self._getters.get(name)
        if get is None or (cell := get(cells)) is None or cell == "":
            return None
        try:
            return self._date_parser.parse(cell)
        except ValueError as error:
            raise self._build_rejection(name, format_cell(cell), str(error)) from error

    def _read_amount(self, name: str, cells: Sequence[Cell], currency: str) -> int | None:
        """Read an amount in minor units; None where the cell is empty."""
        get = self._getters.get(name)
        if get is None or (cell := get(cells)) is None or cell == "":
            return None
        try:
            minor = self._amount_parsers[name].parse(cell, minor_digits(currency), currency)
        except (ValueError, ArithmeticError) as error:
            raise self._build_rejection(name, format_cell(cell), str(error)) from error
        if minor < 0:
            raise self._build_rejection(name, format_cell(cell), "is negative; record it as a credit note instead")
        return minor

    def _read_flag(self, name: str, cells: Sequence[Cell]) -> bool | None:
        get = self._getters.get(name)
        return self._parse_flag(name, format_cell(get(cells)) if get else "")

    def _parse_flag(self, name: str, text: str) -> bool | None:
        if not text:
            return None
        try:
            return parse_boolean(text, self._true_words, self._false_words)
        except ValueError as error:
            raise self._build_rejection(name, text, str(error)) from error

    def _read_account(self, cells: Sequence[Cell]) -> ImportedAccount:
        """Read the account, once for all rows with the same values of it."""
        key = tuple([cells[index] for index in self._account_columns])
        if (cached := self._account_cache.get(key)) is not None:
            return cached
        details = self._build_account(tuple(format_cell(get(cells)) for _, get in self._account_getters))
        if len(self._account_cache) == ACCOUNTS_CACHED:
            self._account_cache.clear()
        self._account_cache[key] = details
        return details

    def _build_account(self, texts: tuple[str, ...]) -> ImportedAccount:
        values = dict(zip((name for name, _ in self._account_getters), texts, strict=True))
        values |= {"country": values["country"].upper(), "language": values["language"].lower()}
        prepaid = self._parse_flag("prepaid", values.pop("prepaid", ""))
        details = ImportedAccount(**values, prepaid=prepaid)
        if not details.id:
            raise self._build_rejection("account_id", "", "is empty")
        if details.country not in _load_country_codes():
            raise self._build_rejection("country", details.country, "is not an ISO 3166 country code such as DE")
        if details.time_zone not in _load_time_zones():
            raise self._build_rejection("time_zone", details.time_zone, "is not an IANA time zone such as Europe/Berlin")
        if details.language not in LANGUAGES:
            raise self._build_rejection(
                "language", details.language, f"is not a language of the letters; write one of: {', '.join(LANGUAGES)}"
            )
        if details.email and not EMAIL_PATTERN.fullmatch(details.email):
            raise self._build_rejection("email", details.email, "is not an e-mail address")
        return details

    def _build_rejection(self, name: str, value: str, complaint: str) -> RowRejectedError:
        return RowRejectedError(
            f"{self._labels.get(name, name)}: {value!r} {complaint}" if value else f"{self._labels.get(name, name)}: {complaint}"
        )


_FIELD_NAMES = {name: {"id": "account_id", "name": "account_name"}.get(name, name) for name in ImportedAccount._fields}


@lru_cache(maxsize=1)
def _load_country_codes() -> frozenset[str]:
    codes = (str(code) for code in Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - NON_COUNTRY_CODES


@lru_cache(maxsize=1)
def _load_time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
