"""The form by which a billing system is connected: its fields are those of the system's kind."""

from collections.abc import Iterable
from typing import Any

import yaml

from adapters.connections.connection_description import ConnectionFileError, read_option
from adapters.connections.connection_kinds import CONNECTION_KINDS, AskedField, list_asked_fields
from adapters.i18n.formatting import name_country
from adapters.i18n.languages import LANGUAGES
from api.console.acts.form_body import UnreadableField
from api.console.acts.forms import FieldKind
from api.console.acts.sent_form import Values, get_first
from api.console.acts.shown_form import Choice, ShownField
from api.console.acts.wording import Reader
from api.console.imports.countries import COUNTRY_ZONES

FORM_NAME = "add_connection"
OPTION, SECRET, SECRETS = "options.", "secrets.", "secrets"
EXAMPLE_SECRETS = "api_key: …"
EXAMPLE_STRUCTURE = "{a: 1}"


def list_fields(kind: str, reader: Reader, values: Values, faults: Iterable[tuple[str, str]] = ()) -> list[ShownField]:
    """`values` as they were sent; a secret is not shown again. `faults` by field."""
    by_field = dict(faults)
    asked = [(f"{OPTION}{field.name}", *_show_option(field, reader), field) for field in list_asked_fields(kind)]
    labels = reader.phrases.connection_fields

    def build_field(place: str, kind: FieldKind, choices: Iterable[Choice], default: str, *, required: bool) -> ShownField:
        shown = () if kind == "secret" else values.get(place) or ([default] if default else ())
        label = labels.get(place.rpartition(".")[2], place.rpartition(".")[2].replace("_", " "))
        return ShownField(place, kind, label, shown, list(choices), required, by_field.get(place, ""))

    return [
        build_field("name", "text", (), "", required=True),
        *(build_field(place, field_kind, choices, field.default, required=field.required) for place, field_kind, choices, field in asked),
        *(build_field(place, "secret", (), "", required=True) for place in _list_secret_places(kind)),
        build_field("untested", "flag", (), "", required=False),
    ]


def _show_option(field: AskedField, reader: Reader) -> tuple[FieldKind, list[Choice]]:
    locale = reader.phrases.shared.locale
    if field.name == "country":
        return "choice", sorted(((code, name_country(code, locale)) for code in COUNTRY_ZONES), key=lambda choice: choice[1])
    if field.name == "language":
        return "choice", [(code, reader.act_words.choices[code]) for code in LANGUAGES]
    if field.choices:
        return "choice", [(value, value) for value in field.choices]
    return "flag" if field.is_flag else "long_text" if field.is_structure else "text", []


def build_body(kind: str, values: Values) -> dict[str, Any]:
    """Return the body of the API's request; what is empty is left out. Raises UnreadableField."""
    options = {
        field.name: _read(f"{OPTION}{field.name}", text)
        for field in list_asked_fields(kind)
        if (text := get_first(values, f"{OPTION}{field.name}").strip())
    }
    given = {place.removeprefix(SECRET): text for place in _list_secret_places(kind) if (text := get_first(values, place).strip())}
    secrets = _read_secrets(given[SECRETS]) if SECRETS in given else given
    untested = bool(get_first(values, "untested"))
    return {"name": get_first(values, "name").strip(), "kind": kind, "options": options, "secrets": secrets, "untested": untested}


def _list_secret_places(kind: str) -> list[str]:
    """A field for each secret; one for all of them where what they are depends on how the system is described."""
    return [f"{SECRET}{name}" for name in CONNECTION_KINDS[kind].usual_secrets] or [SECRETS]


def _read_secrets(text: str) -> dict[str, str]:
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise UnreadableField(SECRETS, EXAMPLE_SECRETS) from error
    if not isinstance(found, dict):
        raise UnreadableField(SECRETS, EXAMPLE_SECRETS)
    return {str(name): str(value) for name, value in found.items()}


def _read(place: str, text: str) -> Any:
    try:
        return read_option(text)
    except ConnectionFileError as error:
        raise UnreadableField(place, EXAMPLE_STRUCTURE) from error
