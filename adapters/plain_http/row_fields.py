"""The fields of one object of the API, by the language of the import mappings. What is wrong is named by field, path and value."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel

from adapters.billing.json_values import JsonFaultError, dig, to_cell
from adapters.imports.cell_parsing import AmountParser, DateParser, format_cell
from adapters.imports.column_sources import RowRejectedError, compile_getter
from adapters.plain_http.api_description import ApiDescription, list_sources
from domain.digits import parse_digits
from domain.money import CURRENCIES, MAX_MINOR_UNITS, minor_digits

LONGEST_TERM = 3_650
"""Days in which an invoice can be due."""
SHOWN = 60


class RowFaultError(ValueError):
    """An object that cannot be read as what it should be; says which field, and why."""


class RowFields:
    """Compiled once for a description, then read for each object."""

    def __init__(self, description: ApiDescription, fields: BaseModel, time_zone: str) -> None:
        """`time_zone`: in which a moment becomes a date; IANA."""
        sources = list_sources(fields)
        self._labels = {name: source.label for name, source in sources.items()}
        self._columns = {name: sorted(source.list_columns()) for name, source in sources.items()}
        self._getters = {name: compile_getter(source, self._columns[name]) for name, source in sources.items()}
        self._dates, self._time_zone = DateParser(description.dates), time_zone
        self._is_minor = description.amounts == "minor"
        self._decimal = "." if self._is_minor else {"point": ".", "comma": ","}[description.decimal]
        self._true_words = frozenset(word.casefold() for word in description.true_words)

    def open(self, row: Any) -> "OpenedRow":
        """Raises RowFaultError."""
        if not isinstance(row, dict):
            raise RowFaultError(f"it is {type(row).__name__}, where an object with fields should be")
        return OpenedRow(self, row)

    def read_cell(self, row: dict[str, Any], name: str, *, is_amount: bool = False) -> str:
        """Empty where the description does not map it. A number of an amount has the decimal mark that texts have. Raises
        RowFaultError."""
        decimal = self._decimal if is_amount else "."
        getter = self._getters.get(name)
        if getter is None:
            return ""
        try:
            cells: Sequence[object] = [to_cell(dig(row, path), path, decimal) for path in self._columns[name]]
            return format_cell(getter(cells))
        except (JsonFaultError, RowRejectedError) as error:
            raise RowFaultError(f"{name}: {error}") from error

    def describe(self, name: str) -> str:
        label = self._labels.get(name)
        return f"{name} ({label})" if label and label != name else name

    def parse_day(self, text: str, name: str) -> date:
        try:
            return self._dates.parse(text, self._time_zone)
        except ValueError as error:
            raise RowFaultError(f"{self.describe(name)}: {text[:SHOWN]!r} {error}") from error

    def parse_amount(self, text: str, currency: str, name: str) -> int:
        """In minor units."""
        try:
            if self._is_minor:
                return _parse_minor(text)
            return AmountParser(self._decimal).parse(text, minor_digits(currency), currency)
        except ValueError as error:
            raise RowFaultError(f"{self.describe(name)}: {text[:SHOWN]!r} {error}") from error

    def parse_value(self, value: Any, currency: str, name: str) -> int:
        """The same of a value as it came. Raises RowFaultError."""
        try:
            cell = to_cell(value, name, self._decimal)
        except JsonFaultError as error:
            raise RowFaultError(str(error)) from error
        return self.parse_amount(format_cell(cell), currency, name)

    def parse_truth(self, text: str) -> bool:
        return text.casefold() in self._true_words


class OpenedRow:
    """An object whose fields are read one by one. Every method raises RowFaultError."""

    def __init__(self, fields: RowFields, row: dict[str, Any]) -> None:
        self._fields, self.row = fields, row

    def read_text(self, name: str) -> str:
        return self._fields.read_cell(self.row, name)

    def read_needed(self, name: str, *, is_amount: bool = False) -> str:
        text = self._fields.read_cell(self.row, name, is_amount=is_amount)
        if not text:
            raise RowFaultError(f"{self._fields.describe(name)}: is empty or not there")
        return text

    def read_currency(self, name: str = "currency") -> str:
        code = self.read_needed(name)
        if code not in CURRENCIES:
            raise RowFaultError(f"{self._fields.describe(name)}: {code[:SHOWN]!r} is no ISO 4217 code")
        return code

    def read_day(self, name: str) -> date:
        return self._fields.parse_day(self.read_needed(name), name)

    def read_amount(self, name: str, currency: str) -> int:
        return self._fields.parse_amount(self.read_needed(name, is_amount=True), currency, name)

    def read_truth(self, name: str) -> bool | None:
        """None where nothing is said."""
        text = self.read_text(name)
        return self._fields.parse_truth(text) if text else None

    def read_due_date(self, issued: date) -> date:
        """The due date; where there is none, the day on which the terms let it be due."""
        if text := self.read_text("due_date"):
            return self._fields.parse_day(text, "due_date")
        days = parse_digits(terms := self.read_text("terms_days"))
        if days is None or days > LONGEST_TERM:
            raise RowFaultError(f"{self._fields.describe('due_date')}: there is none, and terms_days is no number: {terms[:SHOWN]!r}")
        return issued + timedelta(days)


def _parse_minor(text: str) -> int:
    """A whole number of minor units; `1234.00` is one, too."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, fraction = digits.partition(".")
    number = parse_digits(whole)
    if number is None or fraction.strip("0") or number > MAX_MINOR_UNITS:
        raise ValueError("is no whole number of minor units")
    return sign * number
