"""Odoo's values as JSON: what is empty is `false`, a reference is an id with a name, amounts are decimal numbers, moments are in UTC and
have no zone."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from domain.digits import parse_digits
from domain.money import Money

Record = dict[str, Any]
_MOMENT: Final = "%Y-%m-%d %H:%M:%S"


def read_reference(value: object) -> int | None:
    """The id of what a field refers to."""
    return int(value[0]) if isinstance(value, list | tuple) and value else value if type(value) is int else None


def read_name(value: object) -> str:
    """The name of what a field refers to."""
    return str(value[1]) if isinstance(value, list | tuple) and len(value) > 1 else ""


def read_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def read_date(value: object) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else None


def read_moment(value: str) -> datetime:
    """Its fraction of a second, which the database has, is cut off."""
    return datetime.strptime(value, _MOMENT).replace(tzinfo=UTC)


def write_moment(moment: datetime) -> str:
    return moment.strftime(_MOMENT)


def to_minor(amount: Decimal | int | None, currency: str) -> int:
    return Money.from_major(Decimal(amount or 0), currency).minor


def to_major(minor: int, currency: str) -> Decimal:
    return Money(minor=minor, currency=currency).major


def parse_id(text: str) -> int:
    """0, which nothing has, for what is no id of Odoo's."""
    return parse_digits(text) or 0
