"""Parse cells: amounts, dates, yes or no. Nothing is guessed: a cell that could mean two things is rejected."""

import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from adapters.imports.currency_signs import is_sign_of
from domain.clock import FIRST_DAY, LAST_DAY
from domain.money import MAX_MINOR_UNITS, Money
from domain.refusal import Refusal

Cell = object
"""Text from a CSV file; from Excel also a number, a truth value or a date."""


class AmbiguousAmountsError(ValueError):
    """A column whose decimal mark is ambiguous."""


_TOKENS = {"YYYY": "%Y", "YY": "%y", "MMM": "%b", "MM": "%m", "M": "%m", "DD": "%d", "D": "%d"}
_TOKEN = re.compile("|".join(_TOKENS))
_PLAIN = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")
_AROUND = re.compile(r"(?P<lead>[^0-9]*?)(?P<body>[0-9](?:[0-9.,\s'’]*[0-9])?)(?P<trail>[^0-9]*)")
_GROUPS = r"\s'’"
_BODY = {
    mark: re.compile(rf"([0-9]{{1,3}}(?:([{_GROUPS}{group}])[0-9]{{3}}(?:\2[0-9]{{3}})*)?|[0-9]+)(?:{re.escape(mark)}([0-9]+))?")
    for mark, group in ((".", ","), (",", "."))
}
_SIGN_CATEGORIES = ("Sc", "Lu", "Ll", "Lo")
_NOT_DIGITS = re.compile(r"[^0-9]")
_TIME_OF_DAY = re.compile(
    r"(?P<day>\S.*?)(?:T|\s+)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)


@lru_cache(maxsize=64)
def to_strptime_format(written: str) -> str:
    """Convert `M/D/YYYY` to the format of strptime; a format with % is one already."""
    return written if "%" in written else _TOKEN.sub(lambda token: _TOKENS[token[0]], written)


def parse_date(text: str, formats: Sequence[str]) -> date | None:
    """Parse a date by the first format that matches; None when none does. Digits are ASCII."""
    if not text.isascii():
        return None
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
    """Parses dates in the file's formats, and ISO dates always: rejected rows are exported with Excel's dates in that form.

    A time of day behind a date is read and left out. With an offset, the date is the one that it is then in the account's time zone.
    """

    def __init__(self, formats: Sequence[str]) -> None:
        self._formats = (*formats, "YYYY-MM-DD")
        self._parse_cached = lru_cache(maxsize=20_000)(self._parse_text)

    def parse(self, cell: Cell, time_zone: str = "") -> date:
        """`time_zone`: the account's, an IANA name; empty is UTC. Raises ValueError."""
        if isinstance(cell, date):
            day = cell.date() if isinstance(cell, datetime) else cell
            return _check_range(day)
        return self._parse_cached(format_cell(cell), time_zone)

    def _parse_text(self, text: str, time_zone: str) -> date:
        day = parse_date(text, self._formats)
        if day is None and (timed := _TIME_OF_DAY.fullmatch(text)):
            day = parse_date(timed["day"], self._formats)
            day = day and _find_local_day(day, timed, time_zone)
        if day is None:
            raise ValueError(
                Refusal("cell.no_date", "is not a date written as {choices}", choices=" or ".join(dict.fromkeys(self._formats)))
            )
        return _check_range(day)


def _find_local_day(day: date, timed: re.Match[str], time_zone: str) -> date | None:
    """Find the day in the time zone at which an offset leads; without an offset it is the day as written. None for no time of day."""
    hour, minute, second, half = int(timed["hour"]), int(timed["minute"]), int(timed["second"] or 0), timed["half"]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    if hour > 23 or minute > 59 or second > 60:
        return None
    if timed["offset"] is None:
        return day
    digits = _NOT_DIGITS.sub("", timed["offset"]).ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset >= timedelta(hours=24):
        return None
    if not FIRST_DAY <= day <= LAST_DAY:
        return day
    written = timezone(-offset if timed["offset"][0] == "-" else offset)
    at = datetime(day.year, day.month, day.day, hour, minute, min(second, 59), tzinfo=written)
    return at.astimezone(ZoneInfo(time_zone) if time_zone else UTC).date()


def _check_range(day: date) -> date:
    """Raises ValueError."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(
            Refusal(
                "cell.day_outside", "lies outside {first_day} to {last_day}", first_day=FIRST_DAY.isoformat(), last_day=LAST_DAY.isoformat()
            )
        )
    return day


class AmountParser:
    """Parses amounts to minor units. Grouping marks must group three digits, so that 1.5 never passes for 15; a currency's sign beside
    the digits must be one of the row's currency."""

    def __init__(self, decimal: str) -> None:
        self._decimal = decimal

    def parse(self, cell: Cell, digits: int, currency: str) -> int:
        """Raises ValueError."""
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            if not math.isfinite(cell):
                raise ValueError(Refusal("cell.no_number", "is not a number"))
            text = f"{Decimal(f'{cell:.15g}'):f}"
            parts = _PLAIN.fullmatch(text)
        else:
            text = format_cell(cell)
            parts = _PLAIN.fullmatch(text) if self._decimal == "." else None
        if parts is not None:
            sign, whole, fraction = parts.groups(default="")
        else:
            sign, whole, fraction = self._read_written(text, currency)
        if len(fraction) > digits and fraction[digits:].strip("0"):
            raise ValueError(
                Refusal("cell.decimals", "has more decimals than {currency} has; round it to {digits}", currency=currency, digits=digits)
            )
        if len(whole.lstrip("0")) > len(str(MAX_MINOR_UNITS)):
            raise ValueError(_refuse_range(currency))
        minor = int(whole + fraction[:digits].ljust(digits, "0"))
        if minor > MAX_MINOR_UNITS:
            raise ValueError(_refuse_range(currency))
        return -minor if sign else minor

    def _read_written(self, text: str, currency: str) -> tuple[str, str, str]:
        """The sign, the whole units and the fraction of an amount with grouping marks, a currency's sign or a minus behind. Raises
        ValueError."""
        around = _AROUND.fullmatch(text.replace("−", "-"))
        if around is None:
            raise self._refuse_amount()
        lead, trail = around["lead"].strip(), around["trail"].strip()
        is_bracketed = lead.startswith("(") and trail.endswith(")")
        if is_bracketed:
            lead, trail = lead[1:], trail[:-1]
        minuses = (lead + trail).count("-")
        lead, trail = (part.replace("-", "", 1).replace("+", "", 1).strip() for part in (lead, trail))
        number = _BODY[self._decimal].fullmatch(around["body"])
        if number is None or minuses + is_bracketed > 1 or (lead and trail):
            raise self._refuse_amount()
        if (sign := lead or trail) and not is_sign_of(sign, currency):
            looks_like_sign = len(sign) <= 5 and any(unicodedata.category(character) in _SIGN_CATEGORIES for character in sign)
            if not looks_like_sign:
                raise self._refuse_amount()
            raise ValueError(
                Refusal("cell.other_sign", "is not an amount in {currency}: {sign} is not a sign of it", currency=currency, sign=repr(sign))
            )
        return "-" if minuses or is_bracketed else "", _NOT_DIGITS.sub("", number[1]), number[3] or ""

    def _refuse_amount(self) -> ValueError:
        return ValueError(Refusal("cell.no_amount", "is not an amount written like {example}", example=f"1234{self._decimal}56"))


def _refuse_range(currency: str) -> Refusal:
    most = Money(minor=MAX_MINOR_UNITS, currency=currency).major
    return Refusal(
        "cell.out_of_range", "is out of range; one item has at most {largest} {currency}", largest=f"{most:,}", currency=currency
    )


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
        digits = _AROUND.fullmatch(cell)
        bare = re.sub(r"[\s'’]", "", digits["body"]) if digits else ""
        commas, points = bare.count(","), bare.count(".")
        if commas and points:
            self._seen.setdefault("," if bare.rindex(",") > bare.rindex(".") else ".", cell)
        elif commas > 1 or points > 1:
            self._seen.setdefault("." if commas else ",", cell)
        elif re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", bare):
            self._unclear = self._unclear or cell
        elif commas or points:
            self._seen.setdefault("," if commas else ".", cell)

    def detect_mark(self) -> str:
        """Return the column's decimal mark; a point when no value shows one. Raises AmbiguousAmountsError."""
        if len(self._seen) > 1:
            raise AmbiguousAmountsError(
                Refusal(
                    "file.two_decimal_marks",
                    "the column '{column}' has '{first}' and '{second}': only one decimal mark can be; "
                    "write 'decimal: point' or 'decimal: comma' in the mapping's 'file' section",
                    column=self._column,
                    first=self._seen[","],
                    second=self._seen["."],
                )
            )
        if not self._seen and self._unclear:
            raise AmbiguousAmountsError(
                Refusal(
                    "file.unclear_amount",
                    "the column '{column}' has '{first}', which could be two amounts; "
                    "write 'decimal: point' or 'decimal: comma' in the mapping's 'file' section",
                    column=self._column,
                    first=self._unclear,
                )
            )
        return next(iter(self._seen), ".")


def parse_boolean(text: str, true_words: Collection[str], false_words: Collection[str]) -> bool:
    """Raises ValueError."""
    word = text.casefold()
    if word in true_words:
        return True
    if word in false_words:
        return False
    raise ValueError(
        Refusal(
            "cell.no_flag",
            "is neither yes nor no; write one of: {yes} / {no}",
            yes=_join_words(true_words),
            no=_join_words(false_words),
        )
    )


def _join_words(words: Iterable[str]) -> str:
    return ", ".join(sorted(word for word in words if word))
