"""From what a person wrote into a form to the body of the API's request. Amounts are read as they are written in the person's language."""

import re
from collections.abc import Sequence
from typing import Any

from babel.numbers import NumberFormatError, format_decimal, parse_decimal

from api.console.acts.forms import ActForm, FormField
from api.console.acts.sent_form import Values
from domain.digits import parse_digits

EXAMPLE_AMOUNT = 1234.56
EXAMPLE_NUMBER = "3"

_SPACES = re.compile(r"\s")
_FRENCH_SPACE = "\u202f"
"""What stands between thousands in French; people type any space."""


class UnreadableField(Exception):
    """A value that is no amount or no number. `example` is one that is."""

    def __init__(self, field: str, example: str) -> None:
        super().__init__(field)
        self.field, self.example = field, example


def build_body(form: ActForm, values: Values, locale: str) -> dict[str, Any]:
    """Return the request's body. Empty fields are left out, but for flags; so is a part, such as a promise, of which nothing is filled
    in. Raises UnreadableField."""
    body: dict[str, Any] = {}
    filled = {_part_of(name) for name, field in form.fields.items() if field.begins_part and _is_filled(field, values.get(name, ()))}
    for name, field in form.fields.items():
        given = values.get(name, ())
        if _is_filled(field, given) and (_part_of(name) == "" or _part_of(name) in filled):
            _put(body, name.split("."), _read_value(name, field, given, locale))
        elif field.kind == "flag" and _part_of(name) == "":
            body[name] = False
    return {name: _lists_of_numbered(part) for name, part in body.items()}


def _part_of(name: str) -> str:
    """The part of the body in which a field stands; the body's own fields stand in none."""
    return name.rpartition(".")[0]


def _is_filled(field: FormField, given: Sequence[str]) -> bool:
    return any(text.strip() for text in given)


def _read_value(name: str, field: FormField, given: Sequence[str], locale: str) -> Any:
    text = given[0].strip()
    match field.kind:
        case "money":
            return read_amount(name, text, locale)
        case "number" | "hidden_number":
            number = parse_digits(text)
            if number is None:
                raise UnreadableField(name, EXAMPLE_NUMBER)
            return number
        case "flag" | "hidden_flag":
            return True
        case "open_invoices" | "hidden_list":
            return [each.strip() for each in given if each.strip()]
    return text


def read_amount(name: str, text: str, locale: str) -> str:
    """Return the amount as the API takes it, such as `1234.56`, from what is written in the locale, such as `1.234,56`. Raises
    UnreadableField."""
    try:
        return f"{parse_decimal(_SPACES.sub(_FRENCH_SPACE, text), locale, strict=True):f}"
    except NumberFormatError as error:
        raise UnreadableField(name, format_decimal(EXAMPLE_AMOUNT, "#,##0.00", locale)) from error


def _put(body: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        body = body.setdefault(key, {})
    body[path[-1]] = value


def _lists_of_numbered(body: Any) -> Any:
    """`{"0": …, "1": …}` is a list."""
    if not isinstance(body, dict):
        return body
    parts = {key: _lists_of_numbered(part) for key, part in body.items()}
    return list(parts.values()) if parts and all(parse_digits(key) is not None for key in parts) else parts
