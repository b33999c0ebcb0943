"""A mapping says where an import finds what it needs in a company's own file. Written as YAML, by people who know the file."""

import re
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from adapters.imports.cell_parsing import date_format, read_date
from adapters.project import PROJECT
from domain.yaml_document import LinedYaml, as_written

MAPPINGS = PROJECT / "mappings"


class MappingError(ValueError):
    """A mapping that cannot be used. One line per mistake: `file:line: what is wrong; what to write instead`."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _comma_or_point(value: object) -> object:
    return {"comma": ",", "point": "."}.get(value, value) if isinstance(value, str) else value


class FileFormat(_Part):
    """How the file is written. What is `auto` is found out from the file."""

    delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto"
    encoding: str = "auto"
    decimal: Annotated[Literal["auto", ",", "."], BeforeValidator(_comma_or_point)] = "auto"
    dates: tuple[str, ...] = ("YYYY-MM-DD",)
    sheet: str | None = Field(default=None, description="of an Excel file; the first one unless named")
    true_words: tuple[str, ...] = ("yes", "y", "true", "1", "x", "ja", "oui", "sí", "si")
    false_words: tuple[str, ...] = ("no", "n", "false", "0", "nein", "non", "")

    @model_validator(mode="after")
    def _dates_are_clear(self) -> Self:
        """Two formats that read one text as two dates would make a due date a matter of luck."""
        probe = date(2013, 2, 1)
        for first in self.dates:
            try:
                text = probe.strftime(date_format(first))
                if read_date(text, (first,)) != probe:
                    raise ValueError(text)
            except ValueError as error:
                raise ValueError(f"{first!r} is no date format; write for example 'DD.MM.YYYY', 'M/D/YYYY' or '%d.%m.%Y'") from error
            for second in self.dates:
                if read_date(text, (second,)) not in (None, probe):
                    raise ValueError(f"{first!r} and {second!r} read {text!r} as different dates; keep only the one that the file uses")
        return self


class Lookup(_Part):
    """A code in the file, and what it stands for."""

    column: str
    values: dict[str, str]
    otherwise: str | None = None


TEMPLATE_PART = re.compile(r"\{([^{}|]+)((?:\|[^{}|]*)*)\}")


class Filter(StrEnum):
    LOWER = "lower"
    UPPER = "upper"
    SLUG = "slug"


class FieldSource(_Part):
    """Where a field comes from: a column, a constant, a template over columns, or a lookup. `otherwise` stands in for an empty or
    absent column."""

    column: str | None = None
    constant: str | None = None
    template: str | None = None
    lookup: Lookup | None = None
    otherwise: str | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        given = [name for name in ("column", "constant", "template", "lookup") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a field has one source, this has {', '.join(given) or 'none'}; write one of: column, constant, template, lookup"
            )
        if self.otherwise is not None and self.column is None:
            raise ValueError("'otherwise' goes with 'column', or inside 'lookup'")
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
                if name not in set(Filter):
                    raise ValueError(f"there is no filter {name!r} in {template!r}; write one of: {', '.join(Filter)}")

    def columns(self) -> Iterator[str]:
        """The columns that it cannot do without."""
        if self.column is not None and self.otherwise is None:
            yield self.column
        if self.lookup is not None:
            yield self.lookup.column
        for part in TEMPLATE_PART.finditer(self.template or ""):
            yield part[1].strip()

    def mentioned(self) -> set[str]:
        """The columns that it looks at."""
        return {*self.columns(), *([self.column] if self.column else [])}

    @property
    def label(self) -> str | None:
        """What the file calls it, if it is one column."""
        return self.column or (self.lookup.column if self.lookup else None)


def _column_by_name(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Source = Annotated[FieldSource, BeforeValidator(_column_by_name)]


class Fields(_Part):
    """What an invoice and its account are made of. What has no default must be mapped."""

    number: Source
    account_id: Source
    issue_date: Source
    due_date: Source
    currency: Source
    total: Source
    country: Source
    time_zone: Source
    language: Source
    invoice_id: Source | None = None
    account_name: Source | None = None
    segment: Source | None = None
    collector: Source | None = None
    contact_name: Source | None = None
    email: Source | None = None
    phone: Source | None = None
    open_balance: Source | None = None
    paid_amount: Source | None = None
    settled_on: Source | None = None
    disputed: Source | None = None
    cancelled: Source | None = None
    prepaid: Source | None = None

    def sources(self) -> dict[str, FieldSource]:
        return {name: source for name in type(self).model_fields if (source := getattr(self, name)) is not None}


class Mapping(_Part):
    """`reductions` says what it means that an invoice's open balance in the file went down."""

    mapping: str
    title: str = ""
    file: FileFormat = FileFormat()
    reductions: Literal["payment", "credit_note"] = "payment"
    fields: Fields

    @model_validator(mode="after")
    def _says_one_balance(self) -> Self:
        if self.fields.open_balance and self.fields.paid_amount:
            raise ValueError("the fields open_balance and paid_amount say the same twice; keep the one that the file is surer of")
        return self

    def required_columns(self) -> set[str]:
        return {column for source in self.fields.sources().values() for column in source.columns()}

    def known_columns(self) -> set[str]:
        """Those it uses, required or not."""
        return {column for source in self.fields.sources().values() for column in source.mentioned()}


def parse_mapping(text: str, file: str) -> Mapping:
    """Raises MappingError."""
    return LinedYaml(text, file, "mapping: my-billing-system", MappingError, as_written).read(Mapping)


def mapping_file(name: str) -> Path:
    """The file that a name or path means: one that is there, or else one of the project's own mappings."""
    given = Path(name)
    kept = MAPPINGS / f"{name}.yaml"
    return kept if not given.exists() and kept.exists() else given


def load_mapping(path: Path) -> Mapping:
    """Raises MappingError, also when there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MappingError(f"{path}: cannot be read ({error.strerror}); name a mapping file such as mappings/duecourse.yaml") from error
    except UnicodeDecodeError as error:
        raise MappingError(f"{path}: is not UTF-8 text; save the mapping as UTF-8") from error
    return parse_mapping(text, str(path))
