"""Mappings: the columns of a company's own file for each field of an import. Written as YAML, by people who know the file."""

import codecs
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from adapters.imports.cell_filters import find_filter_fault
from adapters.imports.cell_parsing import parse_date, to_strptime_format
from adapters.shipped_files import PROJECT
from domain.digits import parse_digits
from domain.errors import UserError
from domain.refusal import Refusal
from domain.yaml_document import YamlDocument, keep_scalar_text

MAPPINGS_DIR = PROJECT / "mappings"
MAX_MAPPING_BYTES = 256 * 1024


class MappingError(UserError):
    """A mapping that cannot be used. One line per mistake: `file:line: what is wrong; what to write instead`."""

    title = "The mapping cannot be used"
    status = 422
    problem_type = "mapping"


class _MappingModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_CODECS_OF_NO_FILE = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Python lists them among its encodings of text; no program saves a table in them."""


def _is_text_encoding(name: str) -> bool:
    """Whether a file can be in it: Python looks up other codecs by the same names, such as base64 or rot13."""
    try:
        codec = codecs.lookup(name)
        return codec.name.replace("-", "_") not in _CODECS_OF_NO_FILE and isinstance(" ".encode(name), bytes)
    except (LookupError, ValueError):
        return False


def _parse_decimal_mark(value: object) -> object:
    return {"comma": ",", "point": "."}.get(value, value) if isinstance(value, str) else value


def _parse_whole_number(value: object) -> object:
    number = parse_digits(value) if isinstance(value, str) else None
    return value if number is None else number


class FileFormat(_MappingModel):
    """The format of the file. An option that is `auto` is detected from the file."""

    delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto"
    encoding: str = "auto"
    decimal: Annotated[Literal["auto", ",", "."], BeforeValidator(_parse_decimal_mark)] = "auto"
    dates: tuple[str, ...] = ("YYYY-MM-DD",)
    sheet: str | None = Field(default=None, description="of an Excel file; the first one unless named")
    header_row: Annotated[int, BeforeValidator(_parse_whole_number)] | None = Field(
        default=None, ge=1, le=1000, description="the row that names the columns, counted from 1; the first that is not empty unless given"
    )
    totals: tuple[str, ...] = Field(default=(), description="a row whose first filled cell begins with one of these words is no invoice")
    true_words: tuple[str, ...] = ("yes", "y", "true", "1", "x", "ja", "oui", "sí", "si")
    false_words: tuple[str, ...] = ("no", "n", "false", "0", "nein", "non", "")

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, encoding: str) -> str:
        if encoding != "auto" and not _is_text_encoding(encoding):
            raise ValueError(
                Refusal(
                    "mapping.no_encoding",
                    "'{encoding}' is no encoding of text that is known here; write for example utf-8, windows-1252 or auto",
                    encoding=encoding,
                )
            )
        return encoding

    @model_validator(mode="after")
    def _check_dates_unambiguous(self) -> Self:
        """Reject formats that read one text as two dates: the due date would depend on their order."""
        probe = date(2013, 2, 1)
        for first in self.dates:
            try:
                text = probe.strftime(to_strptime_format(first))
                if parse_date(text, (first,)) != probe:
                    raise ValueError(text)
            except (ValueError, re.error) as error:
                raise ValueError(
                    f"{first!r} is no date format; write for example 'DD.MM.YYYY', 'M/D/YYYY' or '%d.%m.%Y', without the time of day: "
                    "that is read by itself"
                ) from error
            for second in self.dates:
                if parse_date(text, (second,)) not in (None, probe):
                    raise ValueError(f"{first!r} and {second!r} read {text!r} as different dates; keep only the one that the file uses")
        return self


class ValueLookup(_MappingModel):
    """A column of codes, and the value that each stands for."""

    column: str
    values: dict[str, str]
    otherwise: str | None = None


TEMPLATE_PART = re.compile(r"\{([^{}|]+)((?:\|[^{}|]*)*)\}")


class FieldSource(_MappingModel):
    """The source of a field: a column, a constant, a template over columns, or a lookup. `otherwise` replaces an empty or absent column;
    `filters` change what a column's cells contain, one after the other."""

    column: str | None = None
    filters: tuple[str, ...] = ()
    constant: str | None = None
    template: str | None = None
    lookup: ValueLookup | None = None
    otherwise: str | None = None

    @model_validator(mode="after")
    def _check_one_source(self) -> Self:
        given = [name for name in ("column", "constant", "template", "lookup") if getattr(self, name) is not None]
        if not given:
            raise ValueError(
                Refusal("mapping.no_source", "a field has one source, this has none; write one of: column, constant, template, lookup")
            )
        if len(given) > 1:
            raise ValueError(
                Refusal(
                    "mapping.one_source",
                    "a field has one source, this has {given}; write one of: column, constant, template, lookup",
                    given=", ".join(given),
                )
            )
        if self.otherwise is not None and self.column is None:
            raise ValueError("'otherwise' goes with 'column', or inside 'lookup'")
        if self.filters and self.column is None:
            raise ValueError("'filters' go with 'column'; in a template, write them behind the column: '{customer|lower}'")
        for written in self.filters:
            if fault := find_filter_fault(written):
                raise ValueError(fault)
        if self.template is not None:
            self._check_template(self.template)
        return self

    @staticmethod
    def _check_template(template: str) -> None:
        parts = list(TEMPLATE_PART.finditer(template))
        if not parts or re.search(r"[{}]", TEMPLATE_PART.sub("", template)):
            raise ValueError(f"{template!r} is no template; write for example '{{customer}}@example.test'")
        for part in parts:
            for name in part[2].split("|")[1:]:
                if fault := find_filter_fault(name):
                    raise ValueError(f"{fault} (in {template!r})")

    def list_required_columns(self) -> Iterator[str]:
        """Yield the columns that must be in the file."""
        if self.column is not None and self.otherwise is None:
            yield self.column
        if self.lookup is not None:
            yield self.lookup.column
        for part in TEMPLATE_PART.finditer(self.template or ""):
            yield part[1].strip()

    def list_columns(self) -> set[str]:
        """List the columns that it reads."""
        return {*self.list_required_columns(), *([self.column] if self.column else [])}

    @property
    def label(self) -> str | None:
        """The file's name of the field, if it is one column."""
        return self.column or (self.lookup.column if self.lookup else None)


def _parse_source(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


ColumnSource = Annotated[FieldSource, BeforeValidator(_parse_source)]


class MappedFields(_MappingModel):
    """The fields of an invoice and its account. Those without a default must be mapped."""

    number: ColumnSource
    account_id: ColumnSource
    issue_date: ColumnSource
    due_date: ColumnSource
    currency: ColumnSource
    total: ColumnSource
    country: ColumnSource
    time_zone: ColumnSource
    language: ColumnSource
    invoice_id: ColumnSource | None = None
    account_name: ColumnSource | None = None
    segment: ColumnSource | None = None
    collector: ColumnSource | None = None
    contact_name: ColumnSource | None = None
    email: ColumnSource | None = None
    phone: ColumnSource | None = None
    open_balance: ColumnSource | None = None
    paid_amount: ColumnSource | None = None
    settled_on: ColumnSource | None = None
    disputed: ColumnSource | None = None
    cancelled: ColumnSource | None = None
    credits: ColumnSource | None = None
    prepaid: ColumnSource | None = None

    def get_sources(self) -> dict[str, FieldSource]:
        """Return the mapped fields and their sources."""
        return {name: source for name in type(self).model_fields if (source := getattr(self, name)) is not None}


class ColumnMapping(_MappingModel):
    """A mapping. `reductions` defines how a lower open balance in the file is booked; `empty_cells`, whether an empty cell of a contact
    clears what is stored, or keeps it."""

    mapping: str
    title: str = ""
    file: FileFormat = FileFormat()
    reductions: Literal["payment", "credit_note"] = "payment"
    empty_cells: Literal["clear", "keep"] = "clear"
    fields: MappedFields

    @model_validator(mode="after")
    def _check_one_balance(self) -> Self:
        if self.fields.open_balance and self.fields.paid_amount:
            raise ValueError(
                Refusal(
                    "mapping.two_balances",
                    "the fields open_balance and paid_amount say the same twice; keep the one that the file is surer of",
                )
            )
        return self

    def required_columns(self) -> set[str]:
        """Return the columns that must be in the file."""
        return {column for source in self.fields.get_sources().values() for column in source.list_required_columns()}

    def known_columns(self) -> set[str]:
        """Return the columns that the mapping reads, required or not."""
        return {column for source in self.fields.get_sources().values() for column in source.list_columns()}


def parse_mapping(text: str, file: str) -> ColumnMapping:
    """Parse a mapping. Raises MappingError."""
    return YamlDocument(text, file, "mapping: my-billing-system", MappingError, keep_scalar_text).parse_model(ColumnMapping)


def find_mapping_file(name: str) -> Path:
    """Find the file of a name or path: an existing file, or else one of the project's own mappings."""
    path = Path(name)
    own_mapping = MAPPINGS_DIR / f"{name}.yaml"
    return own_mapping if not path.exists() and own_mapping.exists() else path


def load_mapping(path: Path) -> ColumnMapping:
    """Load a mapping. Raises MappingError, also when there is no such file."""
    return parse_mapping(read_mapping_file(path), str(path))


def read_mapping_file(path: Path) -> str:
    """Raises MappingError, also when there is no such file."""
    try:
        if path.stat().st_size > MAX_MAPPING_BYTES:
            raise MappingError(f"{path}: has more than {MAX_MAPPING_BYTES // 1024:,} KB, which no mapping has; name a mapping file")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise MappingError(f"{path}: cannot be read ({error.strerror}); name a mapping file such as mappings/duecourse.yaml") from error
    except UnicodeDecodeError as error:
        raise MappingError(f"{path}: is not UTF-8 text; save the mapping as UTF-8") from error
