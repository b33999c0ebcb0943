"""Templates of requests: `{invoice}` in a path, a query, a header or a body stands for what is asked for or booked."""

import json
import re
from collections.abc import Collection, Mapping
from urllib.parse import quote

from adapters.billing.json_values import write_json_text

_WORD = re.compile(r"\{([a-z_]+)\}")
_OF_MONEY = frozenset({"key", "invoice", "account", "number", "amount", "minor", "currency"})
_OF_SERVICE = frozenset({"key", "account"})
BOOKING_WORDS: Mapping[str, frozenset[str]] = {
    "credit_note": _OF_MONEY | {"reason"},
    "write_off": _OF_MONEY | {"on"},
    "suspend": _OF_SERVICE | {"reason"},
    "reinstate": _OF_SERVICE,
    "note": _OF_SERVICE | {"text"},
}
"""What may stand in the templates of each booking. `amount` is in major units (12.34), `minor` in minor units (1234), `on` a date."""


def find_template_fault(text: str, words: Collection[str], *, is_json: bool = False) -> str | None:
    """Find out why the template cannot be used; None when it can."""
    unknown = sorted({word[1] for word in _WORD.finditer(text)} - set(words))
    if unknown:
        return f"{{{unknown[0]}}} stands for nothing here; write one of: {', '.join(f'{{{word}}}' for word in sorted(words))}"
    if is_json:
        try:
            json.loads(fill_body(text, dict.fromkeys(words, "1")))
        except ValueError as error:
            return f"this is no JSON once its words are filled in: {error}"
    return None


def fill_path(template: str, values: Mapping[str, str]) -> str:
    """Each value as one part of an address, whatever it has: neither a slash nor dots lead anywhere."""
    return _WORD.sub(lambda word: quote(values[word[1]], safe="").replace(".", "%2E"), template)


def fill_text(template: str, values: Mapping[str, str]) -> str:
    return _WORD.sub(lambda word: values[word[1]], template)


def fill_body(template: str, values: Mapping[str, str]) -> str:
    """The body as JSON; a value is escaped as within quotation marks, which a number needs not."""
    return _WORD.sub(lambda word: write_json_text(values[word[1]]), template)


def fill_all(templates: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    return {name: fill_text(template, values) for name, template in templates.items()}
