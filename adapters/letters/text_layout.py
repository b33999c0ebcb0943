"""Lays out the parts of a letter: the invoice table, aligned pairs, and prose that one template writes for both text and HTML."""

import re
import textwrap
from itertools import zip_longest
from typing import Annotated, NamedTuple

from markupsafe import Markup, escape
from pydantic import AfterValidator

TEXT_WIDTH = 76
"""Columns of the plain-text letter: below the 78 that RFC 5322 (2.1.1) recommends."""

GAP = "  "
_prose = textwrap.TextWrapper(width=TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
_blank_line = re.compile(r"\n\s*\n")
_breakable = re.compile(r"[ \t\r\n]+")
_hyphenated_number = re.compile(r"(?<!\S)(?=\S*[0-9])(?=\S*-)[^\s<>&]{1,28}(?!\S)")
"""In HTML that is escaped: what a browser would break at its hyphen, and a phone has room for."""


class TableColumn(NamedTuple):
    heading: str
    align: str


class LetterTable(NamedTuple):
    """Invoices, already in the reader's language; a total, if there is one, stands under the last column."""

    columns: tuple[TableColumn, ...]
    cells: tuple[tuple[str, ...], ...]
    total_label: str = ""
    total: str = ""

    @property
    def rows(self) -> list[list[tuple[TableColumn, str]]]:
        return [list(zip(self.columns, row, strict=True)) for row in self.cells]


def collapse_whitespace(text: str) -> str:
    """Put a text on one line. No-break spaces stay: they belong to the language."""
    return _breakable.sub(" ", text).strip(" ")


OneLine = Annotated[str, AfterValidator(collapse_whitespace)]


def _split_paragraphs(text: str) -> list[str]:
    return [paragraph for part in _blank_line.split(text) if (paragraph := collapse_whitespace(part))]


def reflow_prose(text: str) -> str:
    return "\n\n".join(_prose.fill(paragraph) for paragraph in _split_paragraphs(text))


def keep_numbers_whole(text: str) -> Markup:
    """Keep browsers from breaking the number of an invoice at its hyphens."""
    return Markup(_hyphenated_number.sub(r'<span style="white-space:nowrap">\g<0></span>', str(escape(text))))


def build_html_paragraphs(prose: str) -> Markup:
    """Turn prose that Jinja has escaped already into HTML paragraphs."""
    paragraphs = (keep_numbers_whole(Markup(part)) for part in _split_paragraphs(escape(prose)))
    return Markup("\n").join(Markup('<p style="margin:0 0 14px;">{}</p>').format(paragraph) for paragraph in paragraphs)


def align_table(table: LetterTable) -> str:
    """Lay out the table in plain text: a column is as wide as its widest cell, and its heading breaks between words to fit."""
    widths = [max(map(len, texts)) for texts in zip(*table.cells, strict=True)]
    widths = [max(width, *map(len, column.heading.split(" "))) for width, column in zip(widths, table.columns, strict=True)]
    widths[-1] = max(widths[-1], len(table.total))
    rule = "-" * (sum(widths) + len(GAP) * (len(widths) - 1))
    headings = [textwrap.wrap(column.heading, width)[::-1] for column, width in zip(table.columns, widths, strict=True)]
    lines = [
        *(_format_row(line, table.columns, widths) for line in reversed(list(zip_longest(*headings, fillvalue="")))),
        rule,
        *(_format_row(row, table.columns, widths) for row in table.cells),
        rule,
    ]
    if table.total:
        lines.append(table.total_label + table.total.rjust(len(rule) - len(table.total_label)))
    return "\n".join(lines)


def _format_row(cells: tuple[str, ...], columns: tuple[TableColumn, ...], widths: list[int]) -> str:
    padded = (
        cell.rjust(width) if column.align == "right" else cell.ljust(width)
        for cell, column, width in zip(cells, columns, widths, strict=True)
    )
    return GAP.join(padded).rstrip()


def align_pairs(pairs: list[tuple[str, str]], colon: str) -> str:
    """Lay out labels and values, the values under one another."""
    width = max(len(label) for label, _ in pairs) + len(colon)
    return "\n".join(f"{GAP}{label + colon:<{width}}{GAP}{value}" for label, value in pairs)


def align_sums(pairs: list[tuple[str, str]], colon: str) -> str:
    """Lay out labels and amounts, the amounts flush right as in a calculation."""
    width = max(len(value) for _, value in pairs)
    return align_pairs([(label, value.rjust(width)) for label, value in pairs], colon)
