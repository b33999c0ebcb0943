"""The parts of a printed dossier: tables whose cells are text in the reader's language. The template only lays them out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from babel import Locale
from babel.numbers import format_decimal
from pydantic import BaseModel, ConfigDict, Field

from adapters.dossier.wording import DossierWording
from adapters.i18n.formatting import format_localised_date, format_localised_money
from adapters.i18n.wording import fill_placeholders

MAX_INVOICES_NAMED = 4
"""The number of invoices that one cell names; the JSON document names all."""

NO_BREAK = "\u00a0"

_LONG_WORD = re.compile(r"[^\s]{18,}")
_WORD_JOINT = re.compile(r"(?<=[@._/:;,=+-])(?=.)")


class ColumnHeading(BaseModel):
    """`width` is a share of the line; 0: as wide as its content."""

    model_config = ConfigDict(frozen=True)

    text: str
    align: str = "left"
    width: float = 0


class PrintedTable(BaseModel):
    model_config = ConfigDict(frozen=True)

    caption: str = ""
    columns: list[ColumnHeading]
    rows: list[list[str]]
    totals: list[str] = Field(default_factory=list)


class PrintedSection(BaseModel):
    """A section; without tables, the template prints that there is nothing."""

    model_config = ConfigDict(frozen=True)

    heading: str
    tables: list[PrintedTable]


class PrintedDossier(BaseModel):
    """Everything that the template sets. `page` is the page number's text with {page} and {pages} in it."""

    model_config = ConfigDict(frozen=True)

    language: str
    title: str
    subject: str
    author: str
    year: int
    month: int
    day: int
    letterhead: list[str]
    facts: list[list[str]]
    opening: list[str]
    sections: list[PrintedSection]
    none: str
    signature: str
    seal: str
    footer: str
    page: str


class DossierFormatter:
    """Writes values as the reader of a language expects them."""

    def __init__(self, words: DossierWording, numbers: dict[str, str]) -> None:
        self.words, self._numbers = words, numbers

    def format_day(self, day: date | None) -> str:
        """Format a day without a line break inside."""
        return format_localised_date(day, "medium", self.words.locale).replace(" ", NO_BREAK) if day else ""

    def format_long_day(self, day: date) -> str:
        return format_localised_date(day, "long", self.words.locale).replace(" ", NO_BREAK)

    def format_country(self, code: str) -> str:
        """Return the country's name in the reader's language."""
        names: Mapping[str, str] = Locale.parse(self.words.locale).territories
        return names.get(code, code)

    def format_money(self, minor: int | None, currency: str | None) -> str:
        return "" if minor is None else format_localised_money(minor, currency, self.words.locale) if currency else str(minor)

    def format_amount(self, minor: int, currency: str) -> str:
        """Format an amount (minor units) without the currency's sign, for a table in one currency. Nothing is a dash: it is easier to read
        than a column of zeros."""
        if minor == 0:
            return "–"
        return format_localised_money(minor, currency, self.words.locale, "#,##0.00")

    def format_number(self, number: int) -> str:
        return format_decimal(number, locale=self.words.locale)

    def format_word(self, name: str | None) -> str:
        return self.words.translate_value(name)

    def format_invoice(self, invoice_id: str) -> str:
        return soften_long_words(self._numbers.get(invoice_id, invoice_id))

    def format_invoices(self, ids: Sequence[str]) -> str:
        named = ", ".join(self.format_invoice(invoice_id) for invoice_id in ids[:MAX_INVOICES_NAMED])
        more = len(ids) - MAX_INVOICES_NAMED
        return f"{named} {fill_placeholders(self.words.more, {'count': self.format_number(more)})}" if more > 0 else named

    def format_people(self, names: Iterable[str]) -> str:
        return ", ".join(self.format_word(name) for name in names)

    def build_headings(self, *columns: str) -> list[ColumnHeading]:
        """`name`, `name>` for a column of numbers, `name*2` for one that takes two shares of the line's rest."""
        found = []
        for column in columns:
            name, _, width = column.partition("*")
            right = name.endswith(">")
            found.append(
                ColumnHeading(text=self.words.columns[name.rstrip(">")], align="right" if right else "left", width=float(width or 0))
            )
        return found

    def build_tables(
        self, columns: Sequence[str], rows: list[list[str]], caption: str = "", totals: Sequence[str] = ()
    ) -> list[PrintedTable]:
        """Build one table, or none where there are no rows."""
        if not rows:
            return []
        return [PrintedTable(caption=caption, columns=self.build_headings(*columns), rows=rows, totals=list(totals))]


def soften_long_words(text: str) -> str:
    """Let long words break at their joints, or anywhere if they have none: an address must not run out of its column."""

    def soften(found: re.Match[str]) -> str:
        parts = _WORD_JOINT.split(found[0])
        return "\u200b".join("\u200b".join(re.findall(".{1,16}", part)) for part in parts)

    return _LONG_WORD.sub(soften, text)
