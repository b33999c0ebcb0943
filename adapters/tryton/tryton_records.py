"""Tryton's values as JSON: decimals, dates and moments have a `__class__`; the same both ways. Its moments have no zone, and are given UTC,
which a server's database may not be in: they are compared with each other alone."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.digits import parse_digits
from domain.money import Money

Record = dict[str, Any]
_MOMENT = ("year", "month", "day", "hour", "minute", "second", "microsecond")


def encode(value: object) -> str:
    return json.dumps(value, default=_encode_special, separators=(",", ":"))


def encode_parameter(value: object) -> str:
    """As a parameter of an address or a header has it."""
    return urlsafe_b64encode(encode(value).encode()).decode()


def _encode_special(value: object) -> object:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        return {"__class__": "datetime", **{part: getattr(value, part) for part in _MOMENT}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(f"{type(value).__name__} cannot be sent to Tryton")


def decode(text: str | bytes) -> Any:
    return json.loads(text, object_hook=_decode_special)


def _decode_special(value: Record) -> Any:
    match value.get("__class__"):
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return date(value["year"], value["month"], value["day"])
        case "datetime":
            year, month, day, hour, minute, second, microsecond = (int(value[part]) for part in _MOMENT)
            return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)
    return value


def to_minor(amount: Decimal | None, currency: str) -> int:
    return Money.from_major(amount or Decimal(0), currency).minor


def to_major(minor: int, currency: str) -> Decimal:
    return Money(minor=minor, currency=currency).major


def parse_reference(reference: str | None) -> tuple[str, int] | None:
    """Take apart a reference to a record of any model, such as `account.invoice,5`."""
    model, _, text = (reference or "").partition(",")
    number = parse_digits(text)
    return None if number is None else (model, number)


def dig(record: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a path such as `party.lang.code`; None where something on the way is empty."""
    found: Any = record
    for name in path.split("."):
        if found is None:
            return None
        found = found[name]
    return found
