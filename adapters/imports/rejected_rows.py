"""The rejected rows as a file to be mended and imported again: in the source's delimiter and encoding, harmless in a spreadsheet.

A cell that a spreadsheet would take for a formula gets an apostrophe in front; so does one that begins with an apostrophe and would be
taken for such a cell. Reading the file back takes it away again.
"""

import csv
import re
from collections.abc import Sequence
from io import StringIO
from typing import TypeVar

from adapters.imports.cell_parsing import Cell

CellT = TypeVar("CellT", bound=Cell)
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_HARMLESS_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*")


def neutralise_cell(text: str) -> str:
    """Put an apostrophe in front of what would be a formula; a number with its sign is none."""
    return f"'{text}" if _FORMULA.match(text) and not _HARMLESS_NUMBER.fullmatch(text) else text


def restore_cells(cells: Sequence[CellT]) -> list[CellT]:
    """Take away the apostrophes of `neutralise_cell`."""
    return [
        cell[1:] if isinstance(cell, str) and cell.startswith("'") and _FORMULA.match(cell) else cell  # type: ignore[misc]
        for cell in cells
    ]


def format_csv_line(cells: Sequence[str], delimiter: str) -> str:
    """Format a line with every cell in quotation marks, so that a delimiter within a cell is harmless."""
    text = StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerow([neutralise_cell(cell) for cell in cells])
    return text.getvalue()
