"""The form by which a file's columns are mapped: what it shows at first, and the mapping that it makes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from adapters.i18n.languages import LANGUAGES
from adapters.imports.column_guesses import DATE_FORMATS, guess_columns, guess_date_format, list_values, read_samples
from adapters.imports.column_mapping import FileFormat
from adapters.imports.field_rules import FIELD_RULES
from adapters.imports.sheet import BrokenSheetError
from adapters.imports.sheet_reader import open_sheet
from api.console.acts.sent_form import Values, get_first
from api.console.imports.countries import COUNTRY_LANGUAGES, COUNTRY_ZONES
from domain.refusal import Refusal

BY_COUNTRY = " country"
"""Chosen in place of a column, none of whose names begins with a space: the country says it."""

SAME_IN_ALL_ROWS = ("currency", "country", "time_zone", "language", "segment", "collector")
"""Fields for which a file may have no column, as they are the same in every row."""

OF_COUNTRY = ("time_zone", "language")
DECIMAL_MARKS = ("auto", "comma", "point")
MAX_SAMPLES = 3
MAX_COLUMNS, MAX_HEADER_LENGTH = 300, 20_000
"""So many columns can be chosen from, and their names have so many characters together: each is offered for each field."""


class MappedField(NamedTuple):
    """`column` is the one chosen, BY_COUNTRY, or empty; `constant` what stands in every row without one."""

    name: str
    is_needed: bool
    column: str
    constant: str
    may_be_constant: bool
    may_be_by_country: bool


class ShownColumn(NamedTuple):
    name: str
    samples: list[str]


class MappingForm(NamedTuple):
    columns: list[ShownColumn]
    fields: list[MappedField]
    dates: str
    decimal: str


def read_columns(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return a file's header and its first rows. Raises SheetError, also for a header from which nobody can choose."""
    sheet = open_sheet(path, FileFormat(), (), ())
    if len(sheet.header) > MAX_COLUMNS or sum(map(len, sheet.header)) > MAX_HEADER_LENGTH:
        raise BrokenSheetError(
            Refusal(
                "file.columns_to_map",
                "its first row names {columns:,} columns, more than can be mapped here; export fewer of them",
                columns=len(sheet.header),
            )
        )
    return sheet.header, read_samples(sheet)


def show_mapping_form(
    header: Sequence[str], samples: Sequence[Sequence[str]], time_zone: str, language: str, given: Values | None = None
) -> MappingForm:
    """With what was sent, or else with guesses; `time_zone` and `language` where the file says nothing of either."""
    guessed = guess_columns(header, samples)
    constants = {"time_zone": time_zone, "language": language}
    if "country" in guessed:
        guessed = {**dict.fromkeys(OF_COUNTRY, BY_COUNTRY), **guessed}
    if "open_balance" in guessed:
        guessed.pop("paid_amount", None)

    def show_field(name: str) -> MappedField:
        column = guessed.get(name, "") if given is None else get_first(given, f"column.{name}")
        constant = ("" if column else constants.get(name, "")) if given is None else get_first(given, f"constant.{name}")
        return MappedField(name, FIELD_RULES[name].needed, column, constant, name in SAME_IN_ALL_ROWS, name in OF_COUNTRY)

    dated = [guess_date_format(list_values(header, samples, guessed[name])) for name in ("issue_date", "due_date") if name in guessed]
    return MappingForm(
        [ShownColumn(name, list_values(header, samples, name)[:MAX_SAMPLES]) for name in header if name],
        [show_field(name) for name in FIELD_RULES],
        next(filter(None, dated), DATE_FORMATS[0]) if given is None else get_first(given, "dates"),
        DECIMAL_MARKS[0] if given is None else get_first(given, "decimal"),
    )


def build_mapping_text(given: Values, name: str) -> str:
    """Return the mapping as YAML. Fields without a column and a constant are left out: whether one of them is needed, the mapping says."""
    fields = {field: source for field in FIELD_RULES if (source := _build_source(field, given))}
    file = {"dates": [get_first(given, "dates") or DATE_FORMATS[0]], "decimal": get_first(given, "decimal") or DECIMAL_MARKS[0]}
    document = {"mapping": name, "file": file, "fields": fields}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def list_unmapped_fields(given: Values) -> list[str]:
    """Return the names of the fields that are needed and come from nowhere."""
    return [name for name, rule in FIELD_RULES.items() if rule.needed and _build_source(name, given) is None]


def _build_source(field: str, given: Values) -> Any:
    column, constant = get_first(given, f"column.{field}"), get_first(given, f"constant.{field}").strip()
    if column == BY_COUNTRY and field in OF_COUNTRY:
        return _build_country_source(field, get_first(given, "column.country"), get_first(given, "constant.country").strip(), constant)
    if column:
        return {"column": column, "otherwise": constant} if constant or not FIELD_RULES[field].needed else {"column": column}
    return {"constant": constant} if constant else None


def _build_country_source(field: str, country_column: str, country: str, otherwise: str) -> Any:
    known: Mapping[str, str] = (
        COUNTRY_ZONES if field == "time_zone" else {code: COUNTRY_LANGUAGES.get(code, LANGUAGES[0]) for code in COUNTRY_ZONES}
    )
    if not country_column:
        return {"constant": known[country]} if country in known else None
    return {"lookup": {"column": country_column, "values": dict(known), **({"otherwise": otherwise} if otherwise else {})}}
