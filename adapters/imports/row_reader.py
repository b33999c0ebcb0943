"""One row of a file as an invoice and its account, or the reasons why not. Compiled once for a file, then run for every row."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from babel import Locale

from adapters.i18n.languages import LANGUAGES
from adapters.imports.cell_parsing import AmountParser, Cell, DateParser, format_cell, parse_boolean
from adapters.imports.column_mapping import ColumnMapping
from adapters.imports.column_sources import RowRejectedError, compile_getter
from adapters.imports.field_rules import FIELD_RULES
from adapters.mail.mail_addresses import MailAddressError, normalise_address, refuse_address
from adapters.time_zones import is_time_zone
from domain.accepted_texts import find_id_fault, find_text_fault, fold_whitespace
from domain.money import CURRENCIES, minor_digits
from domain.refusal import Refusal

ACCOUNTS_CACHED = 20_000
AMOUNT_FIELDS = ("total", "open_balance", "paid_amount")
CONTACT_FIELDS = {"contact_name": "name", "email": "email", "phone": "phone"}
"""The fields of a contact, and their columns in its table."""
NON_COUNTRY_CODES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
EMPTY = Refusal("cell.empty", "is empty; every invoice needs it")
TOTALS_ADVICE = Refusal("row.totals", "if this is a row of totals, write its first word as 'totals' in the mapping's 'file' section")
SHOWN_LENGTH = 80
NEGATIVE = Refusal("cell.negative", "is negative, yet the total is not; what was overpaid stands in 'paid_amount'")
NO_CURRENCY_CODE = Refusal("cell.no_currency", "is not an ISO 4217 currency code such as EUR")
TOTAL_WORDS = ("total", "sum", "summe", "gesamt", "somme", "suma", "totaal", "totale")


class ImportedAccount(NamedTuple):
    """The account and contact of a row. An empty text, or None, is no value: what is stored stays, but of the contact where the file
    clears it."""

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
    """The invoice of a row as known at the business date. Amounts in minor units; `paid` may exceed the total. A negative total is a credit
    note, of which `credits` names the invoice that it reduces, if the row does; its `paid` is what of it was used elsewhere, as a negative
    amount. `disputed` is None where the file has no such column; `fingerprint` is the SHA-256 of all values.

    `has_own_id`: the row gives the invoice's id, which is its number otherwise. `warnings`: what a person should look at."""

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
    has_own_id: bool = False
    credits: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def is_credit_note(self) -> bool:
        return self.total < 0


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
        clears = mapping.empty_cells == "clear"
        self.cleared_fields = frozenset(name for name in CONTACT_FIELDS if clears and name in sources and sources[name].column in header)
        """The fields of a contact that an empty cell clears: those that have a column in this file."""
        self._total_words = tuple(word.casefold() for word in mapping.file.totals)

    def is_totals_row(self, cells: Sequence[Cell]) -> bool:
        """Return true for a row that the mapping says is no invoice but a total."""
        return bool(self._total_words) and _find_first_text(cells).casefold().startswith(self._total_words)

    def read_identity(self, cells: Sequence[Cell]) -> tuple[str, str]:
        """Read the number and the account's id, whatever else is wrong with the row."""
        cells = [*cells, *[""] * (self._width - len(cells))]
        return self._read_text("number", cells), self._read_text("account_id", cells)

    def read_row(self, cells: Sequence[Cell]) -> ImportedInvoice:
        """Read a row. Raises RowRejectedError, which names all that is wrong with it."""
        faults: list[str] = []
        if len(cells) != self._width:
            cells = self._fit_to_header(cells)
        account = self._read_account(cells, faults)
        number = self._read_id("number", cells, faults)
        own_id = self._read_id("invoice_id", cells, faults) if "invoice_id" in self._getters else ""
        currency = self._read_currency(cells, faults)
        issued = self._read_date("issue_date", cells, faults, account)
        due = self._read_date("due_date", cells, faults, account)
        settled_on = self._read_date("settled_on", cells, faults, account) if "settled_on" in self._getters else None
        total = self._read_amount("total", cells, currency, faults)
        self._require(cells, {"issue_date": issued, "due_date": due if total is None or total >= 0 else issued, "total": total}, faults)
        paid = self._read_paid_amount(cells, currency, total, settled_on, faults)
        credited = self._read_id("credits", cells, faults) if "credits" in self._getters else ""
        disputed, cancelled = self._read_flag("disputed", cells, faults), self._read_flag("cancelled", cells, faults)
        if faults or account is None or total is None or issued is None:
            if account is None and _find_first_text(cells).casefold().startswith(TOTAL_WORDS):
                faults.insert(0, TOTALS_ADVICE)
            raise RowRejectedError("; ".join(dict.fromkeys(faults)))
        due = due or issued
        warnings = () if due >= issued or total < 0 else (self._warn_of_early_due_date(due, issued),)
        settled = settled_on if settled_on and settled_on <= self._business_date else None
        content = (own_id or number, account, number, issued, due, currency, total, paid, settled, disputed, bool(cancelled))
        fingerprint = hashlib.sha256(repr((*content, credited) if credited else content).encode()).hexdigest()
        return ImportedInvoice(*content, fingerprint, bool(own_id), credited, warnings)

    def _read_paid_amount(self, cells: Sequence[Cell], currency: str, total: int | None, settled_on: date | None, faults: list[str]) -> int:
        """Compute the paid amount (minor units) as of the business date: an invoice settled later is open on it."""
        open_balance = self._read_amount("open_balance", cells, currency, faults) if "open_balance" in self._getters else None
        paid = self._read_amount("paid_amount", cells, currency, faults) if "paid_amount" in self._getters else None
        if total is None:
            return 0
        if total < 0:
            rest = total if open_balance is None else open_balance
            if not total <= rest <= 0:
                over = self._read_text("total", cells)
                more = Refusal("cell.over_credit_note", "is more than the credit note over {total} has", total=over)
                self._complain(faults, "open_balance", cells, more)
            return total if settled_on and settled_on <= self._business_date else total - rest
        for name, amount in (("open_balance", open_balance), ("paid_amount", paid)):
            if amount is not None and amount < 0:
                self._complain(faults, name, cells, NEGATIVE)
        if open_balance is not None and open_balance > total:
            more = Refusal("cell.over_total", "is more than the total {total}", total=self._read_text("total", cells))
            self._complain(faults, "open_balance", cells, more)
        stated = paid if paid is not None else 0 if open_balance is None else total - open_balance
        if settled_on is None:
            return stated
        if settled_on > self._business_date:
            return stated if stated < total else 0
        if open_balance:
            still = Refusal("cell.settled_open", "is still open, yet settled on {on}", on=settled_on.isoformat())
            self._complain(faults, "open_balance", cells, still)
        return max(stated, total)

    def _fit_to_header(self, cells: Sequence[Cell]) -> Sequence[Cell]:
        if any(format_cell(cell) for cell in cells[self._width :]):
            raise RowRejectedError(
                Refusal(
                    "row.cells",
                    "the row has {cells} cells, the header {header}; put quotation marks around a cell with a delimiter in it",
                    cells=len(cells),
                    header=self._width,
                )
            )
        return [*cells[: self._width], *[""] * (self._width - len(cells))]

    def _require(self, cells: Sequence[Cell], values: dict[str, object], faults: list[str]) -> None:
        """Complain about needed cells that are empty; what is wrong otherwise has been said."""
        for name, value in values.items():
            if value is None and not self._read_text(name, cells):
                self._complain(faults, name, cells, EMPTY)

    def _read_text(self, name: str, cells: Sequence[Cell]) -> str:
        """The text of a cell; empty when the mapping's list lacks it."""
        get = self._getters.get(name)
        try:
            return format_cell(get(cells)) if get else ""
        except RowRejectedError:
            return ""

    def _get(self, name: str, cells: Sequence[Cell], faults: list[str]) -> Cell:
        """The cell; None when it is empty, or a fault."""
        get = self._getters.get(name)
        try:
            cell = get(cells) if get else None
        except RowRejectedError as fault:
            faults.append(str(fault))
            return None
        return None if cell == "" else cell

    def _read_id(self, name: str, cells: Sequence[Cell], faults: list[str]) -> str:
        text = format_cell(self._get(name, cells, faults))
        if not text:
            if FIELD_RULES[name].needed:
                self._complain(faults, name, cells, EMPTY)
        elif fault := find_id_fault(text):
            self._complain(faults, name, cells, fault)
        return text

    def _read_currency(self, cells: Sequence[Cell], faults: list[str]) -> str:
        """The currency; EUR in place of one that cannot be, so that the amounts are judged too."""
        count = len(faults)
        currency = format_cell(self._get("currency", cells, faults)).upper()
        if currency in CURRENCIES:
            return currency
        if count == len(faults):
            self._complain(faults, "currency", cells, NO_CURRENCY_CODE if currency else EMPTY)
        return "EUR"

    def _read_date(self, name: str, cells: Sequence[Cell], faults: list[str], account: ImportedAccount | None) -> date | None:
        cell = self._get(name, cells, faults)
        if cell is None:
            return None
        try:
            return self._date_parser.parse(cell, account.time_zone if account else "")
        except ValueError as error:
            self._complain(faults, name, cells, str(error))
            return None

    def _read_amount(self, name: str, cells: Sequence[Cell], currency: str, faults: list[str]) -> int | None:
        """Read an amount in minor units; None where the cell is empty or faulty."""
        cell = self._get(name, cells, faults)
        if cell is None:
            return None
        try:
            return self._amount_parsers[name].parse(cell, minor_digits(currency), currency)
        except (ValueError, ArithmeticError) as error:
            self._complain(faults, name, cells, str(error))
            return None

    def _read_flag(self, name: str, cells: Sequence[Cell], faults: list[str]) -> bool | None:
        return self._parse_flag(name, format_cell(self._get(name, cells, faults)), faults) if name in self._getters else None

    def _parse_flag(self, name: str, text: str, faults: list[str]) -> bool | None:
        if not text:
            return None
        try:
            return parse_boolean(text, self._true_words, self._false_words)
        except ValueError as error:
            faults.append(self._describe(name, text, str(error)))
            return None

    def _read_account(self, cells: Sequence[Cell], faults: list[str]) -> ImportedAccount | None:
        """Read the account, once for all rows with the same values of it; None when it has faults."""
        key = tuple([cells[index] for index in self._account_columns])
        if (cached := self._account_cache.get(key)) is not None:
            return cached
        texts: dict[str, str] = {}
        count = len(faults)
        for name, get in self._account_getters:
            try:
                text = format_cell(get(cells))
                texts[name] = text if FIELD_RULES[_FIELD_NAMES[name]].is_id else fold_whitespace(text)
            except RowRejectedError as fault:
                faults.append(str(fault))
        if count != len(faults):
            self._complain_of_account(texts, faults)
            return None
        details = self._build_account(texts, faults)
        if details is None:
            return None
        if len(self._account_cache) == ACCOUNTS_CACHED:
            self._account_cache.clear()
        self._account_cache[key] = details
        return details

    def _build_account(self, texts: dict[str, str], faults: list[str]) -> ImportedAccount | None:
        count = len(faults)
        prepaid = self._parse_flag("prepaid", texts.pop("prepaid", ""), faults)
        texts |= {"country": texts["country"].upper(), "language": texts["language"].lower()}
        self._complain_of_account(texts, faults)
        return ImportedAccount(**texts, prepaid=prepaid) if count == len(faults) else None

    def _complain_of_account(self, texts: dict[str, str], faults: list[str]) -> None:
        for name, text in texts.items():
            if name != "prepaid" and (fault := find_account_fault(name, text)):
                faults.append(self._describe(_FIELD_NAMES[name], text, fault))

    def _warn_of_early_due_date(self, due: date, issued: date) -> str:
        early = Refusal("cell.early_due", "lies before the issue date {on}; check the order of day and month", on=issued.isoformat())
        return self._describe("due_date", due.isoformat(), early)

    def _complain(self, faults: list[str], name: str, cells: Sequence[Cell], complaint: str) -> None:
        faults.append(self._describe(name, self._read_text(name, cells), complaint))

    def _describe(self, name: str, value: str, complaint: str) -> str:
        shown = f"{value[:SHOWN_LENGTH]}…" if len(value) > SHOWN_LENGTH else value
        return f"{self._labels.get(name, name)}: {shown!r} {complaint}" if value else f"{self._labels.get(name, name)}: {complaint}"


_FIELD_NAMES = {name: {"id": "account_id", "name": "account_name"}.get(name, name) for name in ImportedAccount._fields}


def find_account_fault(name: str, text: str) -> Refusal | None:
    """Find out why a value of an account cannot be taken; None when it can."""
    rule = FIELD_RULES[_FIELD_NAMES[name]]
    if not text:
        return EMPTY if rule.needed else None
    match name:
        case "country" if text not in _load_country_codes():
            return Refusal("cell.no_country", "is not an ISO 3166 country code such as DE")
        case "time_zone" if not is_time_zone(text):
            return Refusal("cell.no_time_zone", "is not an IANA time zone such as Europe/Berlin")
        case "language" if text not in LANGUAGES:
            return Refusal(
                "cell.no_language", "is not a language of the letters; write one of: {languages}", languages=", ".join(LANGUAGES)
            )
        case "email":
            return _find_email_fault(text)
    if rule.max_length is None:
        return None
    return find_id_fault(text) if rule.is_id else find_text_fault(text, rule.max_length)


def _find_email_fault(text: str) -> Refusal | None:
    if not text.isprintable():
        return find_id_fault(text)
    try:
        domain = normalise_address(text).rpartition("@")[2]
    except MailAddressError as error:
        return error.refusal
    return None if "." in domain else refuse_address()


def _find_first_text(cells: Sequence[Cell]) -> str:
    return next((text for cell in cells if (text := format_cell(cell))), "")


@lru_cache(maxsize=1)
def _load_country_codes() -> frozenset[str]:
    codes = (str(code) for code in Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - NON_COUNTRY_CODES
