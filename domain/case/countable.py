"""What a case can count with: days, amounts and texts that come to it from outside are held to bounds before any rule sees them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from math import isfinite
from typing import Any

from pydantic import BaseModel

from domain.clock import FIRST_DAY, LAST_DAY, Clock
from domain.money import MAX_MINOR_UNITS

LARGEST_SUM = 1_000 * MAX_MINOR_UNITS
"""In minor units: the most that the sum over a case's items can be; it fits in 64 bits. Counts are far below."""

SHORTEST_DAY_SECONDS = 0.001
"""Of a clock that is played: a thousandth of the fastest that people play."""

LONGEST_TEXT = 200_000
"""In characters. The longest text that a case is sent is that of a policy."""

LONGEST_ID = 1_000
"""In characters, as of a workflow's id: a case keeps the ids of what it took, and hands them on to its next run."""


def find_uncountable(value: Any, path: str = "") -> str | None:
    """Find what a case cannot count with in a value, and say it in words that repeat nothing of the value; None when there is nothing.
    `path` is where the value stands, as field names joined by dots."""
    match value:
        case None | bool() | Enum():
            found = None
        case int():
            found = None if -LARGEST_SUM <= value <= LARGEST_SUM else "a number beyond any amount"
        case float():
            found = None if isfinite(value) else "no number"
        case datetime() | date():
            found = None if FIRST_DAY <= (value.date() if isinstance(value, datetime) else value) <= LAST_DAY else _DAY_OUT_OF_BOUNDS
        case str():
            is_long = len(value) > LONGEST_ID and path.endswith("_id")
            found = f"an id of more than {LONGEST_ID} characters" if is_long else _find_unstorable(value)
        case Clock():
            found = None if value.day_seconds >= SHORTEST_DAY_SECONDS else "a clock that is too fast"
            return _find_first(vars(value).items(), path) or _describe(found, path)
        case BaseModel():
            return _find_first(vars(value).items(), path)
        case Mapping():
            return _find_first(enumerate(value), path) or _find_first(enumerate(value.values()), path)
        case list() | tuple() | set() | frozenset():
            return _find_first(enumerate(value), path)
        case _:
            found = None
    return _describe(found, path)


_DAY_OUT_OF_BOUNDS = f"a day that is not from {FIRST_DAY} to {LAST_DAY}"


def _find_unstorable(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"a text of more than {LONGEST_TEXT} characters"
    return "a text that no database stores" if "\0" in text or (not text.isascii() and _has_surrogate(text)) else None


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _find_first(fields: Iterable[tuple[str | int, Any]], path: str) -> str | None:
    return next(filter(None, (find_uncountable(each, f"{path}.{name}" if path else str(name)) for name, each in fields)), None)


def _describe(found: str | None, path: str) -> str | None:
    return f"{path}: {found}" if found and path else found
