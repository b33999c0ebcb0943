"""Parse cells: amounts, dates, yes or no. Nothing is guessed: a cell that could mean two things is rejected."""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from domain.money import Money

Cell = object
"""Text from a CSV file; from Excel also a number, a truth value or a date."""


class AmbiguousAmountsError(ValueError):
    """A column whose decimal mark is ambiguous."""


_TOKENS = {"YYYY": "%Y", "YY": "%y", "MMM": "%b", "MM": "%m", "M": "%m", "DD": "%d", "D": "%d"}
_TOKEN = re.compile("|".join(_TOKENS))
_NOISE = re.compile(r"[\s\u00a0\u202f'’€$£]")
_PLAIN = re.compile(r"(-?)(\d+)(?:\.(\d+))?")
_GROUPED = {
    ".": re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?"),
    ",": re.compile(r"-?\d{1,3}(?:\.\d{3})+(?:,\d+)?"),
}


@lru_cache(maxsize=64)
def to_strptime_format(written: str) -> str:
    """Convert `M/D/YYYY` to the format of strptime; a format with % is one already."""
    return written if "%" in written else _TOKEN.sub(lambda token: _TOKENS[token[0]], written)


def parse_date(text: str, formats: Sequence[str]) -> date | None:
    """Parse a date by the first format that matches; None when none does."""
    for written in formats:
        try:
            return datetime.strptime(text, to_strptime_format(written)).date()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    return None


def format_cell(cell: Cell) -> str:
    """Format a cell as a person would have typed it."""
    if type(cell) is str:
        return cell.strip()
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell).strip()


class DateParser:
    """Parses dates in the file's formats, and ISO dates always: rejected rows are exported with Excel's dates in that form."""

    def __init__(self, formats: Sequence[str]) -> None:
        self._formats = (*formats, "YYYY-MM-DD")
        self._parse_cached = lru_cache(maxsize=20_000)(self._parse_text)

    def parse(self, cell: Cell) -> date:
        """Raises ValueError."""
        if isinstance(cell, datetime):
            return cell.date()
        if isinstance(cell, date):
            return cell
        return self._parse_cached(format_cell(cell))

    def _parse_text(self, text: str) -> date:
        day = parse_date(text, self._formats)
        if day is None:
            raise ValueError(f"is not a date written as {' or '.join(dict.fromkeys(self._formats))}")
        return day


class AmountParser:
    """Parses amounts to minor units. Grouping marks must group three digits, so that 1.5 never passes for 15."""

    def __init__(self, decimal: str) -> None:
        self._decimal, self._group = decimal, "," if decimal == "." else "."

    def parse(self, cell: Cell, digits: int, currency: str) -> int:
        """Raises ValueError."""
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            return Money.from_major(Decimal(repr(cell)), currency).minor
        text = format_cell(cell)
        plain = _PLAIN.fullmatch(text) if self._decimal == "." else None
        plain = plain or _PLAIN.fullmatch(self._normalise(text))
        if plain is None:
            raise ValueError(f"is not an amount written like 1234{self._decimal}56")
        sign, whole, fraction = plain.groups(default="")
        if len(fraction) > digits and fraction[digits:].strip("0"):
            raise ValueError(f"has more decimals than {currency} has; round it to {digits}")
        minor = int(whole + fraction[:digits].ljust(digits, "0"))
        return -minor if sign else minor

    def _normalise(self, text: str) -> str:
        """Remove the grouping marks and write the decimal mark as a point; empty when a group has not three digits."""
        bare = strip_amount(text)
        if self._group in bare:
            if not _GROUPED[self._decimal].fullmatch(bare):
                return ""
            bare = bare.replace(self._group, "")
        return bare.replace(",", ".")


def strip_amount(text: str) -> str:
    """Remove currency signs and spaces; a minus behind (as SAP writes it) or brackets become a minus in front."""
    bare = _NOISE.sub("", text)
    if bare.endswith("-"):
        return f"-{bare[:-1]}"
    if bare.startswith("(") and bare.endswith(")"):
        return f"-{bare[1:-1]}"
    return bare


class DecimalMarkDetector:
    """Finds a column's decimal mark from all of its values."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._seen: dict[str, str] = {}
        self._unclear = ""

    def add_cell(self, cell: Cell) -> None:
        """Take a value of the column."""
        if type(cell) is not str or ("," not in cell and "." not in cell):
            return
        bare = strip_amount(cell)
        commas, points = bare.count(","), bare.count(".")
        if commas and points:
            self._seen.setdefault("," if bare.rindex(",") > bare.rindex(".") else ".", cell)
        elif commas > 1 or points > 1:
            self._seen.setdefault("." if commas else ",", cell)
        elif re.fullmatch(r"-?\d{1,3}[.,]\d{3}", bare):
            self._unclear = self._unclear or cell
        else:
            self._seen.setdefault("," if commas else ".", cell)

    def detect_mark(self) -> str:
        """Return the column's decimal mark; a point when no value shows one. Raises AmbiguousAmountsError."""
        advice = "write 'decimal: point' or 'decimal: comma' in the mapping's 'file' section"
        if len(self._seen) > 1:
            raise AmbiguousAmountsError(
                f"the column {self._column!r} has {self._seen[',']!r} and {self._seen['.']!r}: only one decimal mark can be; {advice}"
            )
        if not self._seen and self._unclear:
            raise AmbiguousAmountsError(f"the column {self._column!r} has {self._unclear!r}, which could be two amounts; {advice}")
        return next(iter(self._seen), ".")


def parse_boolean(text: str, true_words: Collection[str], false_words: Collection[str]) -> bool:
    """Raises ValueError."""
    word = text.casefold()
    if word in true_words:
        return True
    if word in false_words:
        return False
    raise ValueError(f"is neither yes nor no; write one of: {_join_words(true_words)} / {_join_words(false_words)}")


def _join_words(words: Iterable[str]) -> str:
    return ", ".join(sorted(word for word in words if word))
