"""A program of its own that reads one sheet of an Excel file and prints its rows as JSON lines: what a hostile file does ends here.

It is started with the file's path, the sheet's name (empty: the first), and bounds in bytes and seconds. Its memory and its time are
bounded before the file is opened. The first line is the sheet's first row, filled or not. What is wrong with the file goes to standard
error, as one line, with exit status 1. It imports nothing of Duecourse.
"""

import json
import re
import resource
import sys
import zipfile
from contextlib import suppress
from datetime import date, datetime
from typing import IO, Any

from python_calamine import CalamineError, WorksheetNotFound, load_workbook

MAX_PARTS = 10_000
MAX_CELLS = 8_000_000
"""Of the rectangle that holds all filled cells: it is in memory as a whole, at 32 bytes a cell."""
MAX_RATIO = 200
SMALL_PART_BYTES = 4 * 2**20
MAX_ROW_LENGTH = 1_000_000
CHUNK_SIZE = 1 << 20

_CELL = re.compile(rb'<c\s(?:[^>]*?\s)?r="([A-Z]{1,3})([0-9]{1,7})"[^>]*?(/?)>')
_LONGEST_CELL_TAG = 512


class UnreadableWorkbookError(Exception):
    """The message says what is wrong, as the second half of a sentence about the file."""


def main(path: str, sheet: str, memory_bytes: int, seconds: int) -> int:
    bounds = ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, 2 * memory_bytes))
    for limit, most in bounds:
        with suppress(OSError, ValueError):  # not every system bounds a process's memory
            resource.setrlimit(limit, (most, most))
    try:
        check_package(path, memory_bytes)
        print_rows(path, sheet)
    except UnreadableWorkbookError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except MemoryError:
        return 2
    return 0


def check_package(path: str, memory_bytes: int) -> None:
    """Raises UnreadableWorkbookError for a package whose parts are too many or too large, or whose cells lie too far apart. Other files
    than packages (the format of before 2007) are bounded by the memory limit alone."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as package:
            parts = package.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > memory_bytes:
                raise UnreadableWorkbookError("is larger, once unpacked, than any table of invoices; save the one sheet as CSV")
            for part in parts:
                if part.file_size > SMALL_PART_BYTES and part.file_size > MAX_RATIO * max(part.compress_size, 1):
                    raise UnreadableWorkbookError("is packed tighter than any table of invoices is; save the sheet as CSV")
                if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                    with package.open(part) as stream:
                        check_cells(stream)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise UnreadableWorkbookError(f"is not a readable Excel file ({error}); save it again as .xlsx or CSV") from error


def check_cells(stream: IO[bytes]) -> None:
    """Raises UnreadableWorkbookError when the rectangle that holds all filled cells of a sheet is too large."""
    first_row, last_row, first_column, last_column = 2**31, 0, 2**31, 0
    rest = b""
    while chunk := stream.read(CHUNK_SIZE):
        text = rest + chunk
        end = 0
        for cell in _CELL.finditer(text):
            end = cell.end()
            if cell[3]:
                continue
            row, column = int(cell[2]), 0
            for letter in cell[1]:
                column = column * 26 + letter - 64
            first_row, last_row = min(first_row, row), max(last_row, row)
            first_column, last_column = min(first_column, column), max(last_column, column)
        rest = text[max(end, len(text) - _LONGEST_CELL_TAG) :]
        if last_row and (last_row - first_row + 1) * (last_column - first_column + 1) > MAX_CELLS:
            raise UnreadableWorkbookError(
                f"has cells as far away as row {last_row:,} and column {last_column:,}; delete what lies outside the table"
            )


def print_rows(path: str, sheet: str) -> None:
    """Raises UnreadableWorkbookError."""
    try:
        workbook = load_workbook(path)
    except (CalamineError, OSError) as error:
        raise UnreadableWorkbookError(f"is not a readable Excel file ({error}); save it again as .xlsx or CSV") from error
    try:
        rows = workbook.get_sheet_by_name(sheet) if sheet else workbook.get_sheet_by_index(0)
    except WorksheetNotFound as error:
        raise UnreadableWorkbookError(f"has no sheet {sheet!r}; it has: {', '.join(workbook.sheet_names)}") from error
    except (CalamineError, OSError, IndexError) as error:
        raise UnreadableWorkbookError(f"is not a readable Excel file ({error}); save it again as .xlsx or CSV") from error
    if rows.height * rows.width > MAX_CELLS:
        raise UnreadableWorkbookError("has cells too far apart; delete what lies outside the table, or save it as CSV")
    write = sys.stdout.write
    for number, row in enumerate(rows.iter_rows(), 1):
        line = json.dumps(row, default=encode_cell)
        if len(line) > MAX_ROW_LENGTH:
            raise UnreadableWorkbookError(f"row {number:,} has more than {MAX_ROW_LENGTH:,} characters; it is no row of an invoice")
        write(line + "\n")


def encode_cell(cell: Any) -> Any:
    """What JSON has no word for: a date, a date with its time of day; anything else as text."""
    if isinstance(cell, datetime):
        return {"at": cell.isoformat()}
    return {"on": cell.isoformat()} if isinstance(cell, date) else str(cell)


if __name__ == "__main__":
    try:
        status = main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    except BaseException as failure:  # a panic of the reader is no Exception
        sys.stderr.write(f"is not a readable Excel file ({type(failure).__name__}); save it again as .xlsx or CSV\n")
        status = 1
    sys.stdout.flush()
    sys.exit(status)
