"""JSON that comes from elsewhere: numbers are read as decimals and never as floats, and a path such as `customer.id` leads to a value."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from domain.digits import parse_digits

LONGEST_NUMBER = 40
"""Signs of a number; a longer one is no amount, no id and no day."""
LARGEST_EXPONENT = 30


class JsonFaultError(ValueError):
    """What came cannot be read, or is not what it should be."""


def read_json(content: bytes) -> Any:
    """Raises JsonFaultError, also for what is nested so deep that it cannot be read. What is no number that anything could be (NaN, or one
    of a thousand digits) is read as the text that it is, and refused where it stands: one such value does not take the rest along."""
    try:
        return json.loads(content, parse_float=_read_decimal, parse_int=_read_whole, parse_constant=str)
    except RecursionError as error:
        raise JsonFaultError("it is nested too deep") from error
    except ValueError as error:
        raise JsonFaultError(f"it is not JSON: {error}") from error


def _read_decimal(text: str) -> Decimal | str:
    try:
        number = Decimal(text) if len(text) <= LONGEST_NUMBER else Decimal("NaN")
    except InvalidOperation:
        return text[:LONGEST_NUMBER]
    return number if number.is_finite() and abs(number.adjusted()) <= LARGEST_EXPONENT else text[:LONGEST_NUMBER]


def _read_whole(text: str) -> int | str:
    return int(text) if len(text) <= LONGEST_NUMBER else text[:LONGEST_NUMBER]


def split_path(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split(".") if part)


def dig(value: Any, path: str) -> Any:
    """What stands at the path; the value itself at an empty one, and None where there is nothing. A part of digits counts in a list."""
    for part in split_path(path):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and (index := parse_digits(part)) is not None and index < len(value):
            value = value[index]
        else:
            return None
    return value


def to_cell(value: Any, path: str, decimal: str = ".") -> str | bool | None:
    """A value as the fields of an import read it: numbers as they are written, in full, with the mark `decimal`: JSON's own is always the
    point, whichever one texts have. Raises JsonFaultError."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return str(value)
        case Decimal():
            return f"{value:f}".replace(".", decimal)
    raise JsonFaultError(f"{path}: is {describe_type(value)}, where a text, a number or true/false should be")


def describe_type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", Decimal: "a number"}
    return "nothing" if value is None else names.get(type(value), "something else")


def write_json_text(text: str) -> str:
    """A text as it stands between the quotation marks of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
