"""Salesforce's values: amounts are decimal numbers of the record's currency, ids have 18 letters and digits, moments a zone."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from domain.money import Money

Record = Mapping[str, Any]
_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_MOMENT: Final = "%Y-%m-%dT%H:%M:%S.%f%z"


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def dig(record: Record, path: str) -> Any:
    """What stands at a field, also one that is found through references; None where something on the way is empty."""
    found: Any = record
    for name in path.split("."):
        if found is None:
            return None
        found = found.get(name)
    return found


def to_minor(amount: Decimal | int | None, currency: str) -> int:
    return Money.from_major(Decimal(amount or 0), currency).minor


def read_day(value: object) -> date | None:
    """Of a date, or of a moment the day in UTC."""
    return date.fromisoformat(value[:10]) if isinstance(value, str) and len(value) >= len("2026-11-30") else None


def read_moment(value: str) -> datetime:
    return datetime.strptime(value, _MOMENT).astimezone(UTC)


def write_moment(moment: datetime) -> str:
    """As a query has it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def quote(text: str) -> str:
    """As a text in a query."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_all(texts: Iterable[str]) -> str:
    return f"({', '.join(quote(text) for text in texts)})"
