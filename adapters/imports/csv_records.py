"""The records of a CSV file, each with the number of its first line, so that no line is lost behind an unpaired quotation mark.

A quotation mark that is never closed makes a reader of CSV take the following lines for one cell, and one customer's name would contain
the others' rows. Such a record is given up: its first line is reported, and reading goes on at the next line.
"""

import csv
from collections import deque
from collections.abc import Iterator
from typing import TextIO

from adapters.imports.cell_parsing import Cell
from adapters.imports.sheet import BrokenSheetError, SheetRow
from domain.refusal import Refusal

MAX_LINE_LENGTH = 1_000_000
MAX_LINES_OF_RECORD = 200
MAX_BROKEN_RECORDS = 1_000
UNPAIRED_QUOTE = Refusal(
    "row.quotation_mark",
    "a quotation mark opens a cell here and is not closed rightly; close it, or write it twice where it is part of the text",
)
LONG_CELL = Refusal("row.long_cell", "a cell has more than {most:,} characters", most=csv.field_size_limit())


class _LineFeed:
    """The lines of a file for `csv.reader`, which can be taken back."""

    def __init__(self, stream: TextIO, file_name: str) -> None:
        self._stream, self._file_name = stream, file_name
        self._returned: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0
        self._length = 0

    def begin_record(self) -> None:
        self.taken, self._length = [], 0

    def __iter__(self) -> "_LineFeed":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_LINES_OF_RECORD or self._length >= MAX_LINE_LENGTH:
            raise StopIteration
        line = self._returned.popleft() if self._returned else self._stream.readline(MAX_LINE_LENGTH)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == MAX_LINE_LENGTH:
            raise BrokenSheetError(
                Refusal(
                    "file.long_line",
                    "{file}: line {line} has {most:,} characters or more; it is no table of invoices",
                    file=self._file_name,
                    line=self.number,
                    most=MAX_LINE_LENGTH,
                )
            )
        self.taken.append(line)
        self._length += len(line)
        return line

    def give_back(self, lines: list[str]) -> None:
        self._returned.extendleft(reversed(lines))
        self.number -= len(lines)


def read_records(stream: TextIO, file_name: str, delimiter: str, width: int | None) -> Iterator[SheetRow]:
    """Yield the records that are not empty. `width`: how many columns the header has; None before it is known, when records are taken as
    they come. Raises BrokenSheetError; UnicodeError from the stream."""
    feed = _LineFeed(stream, file_name)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    longest = csv.field_size_limit()
    broken_records = 0
    while True:
        feed.begin_record()
        line = next(feed, "")
        if not line:
            return
        if '"' not in line and len(line) <= longest:
            # most lines have no quotation mark, and are parted thrice as fast
            if text := line.rstrip("\r\n"):
                cells: list[Cell] = [*text.split(delimiter)]
                if any(cells):
                    yield SheetRow(feed.number, cells)
            continue
        feed.give_back([line])
        row = _read_record(feed, reader, delimiter, width)
        if row.fault:
            broken_records += 1
            if broken_records > MAX_BROKEN_RECORDS:
                raise BrokenSheetError(_refuse_quotation_marks(file_name))
            reader = csv.reader(feed, delimiter=delimiter, strict=True)
        if any(row.cells):
            yield row


def _refuse_quotation_marks(file_name: str) -> Refusal:
    return Refusal(
        "file.quotation_marks",
        "{file}: more than {most:,} lines have quotation marks that are not paired; "
        "name the file's delimiter in the mapping, or export it again",
        file=file_name,
        most=MAX_BROKEN_RECORDS,
    )


def _read_record(feed: _LineFeed, reader: Iterator[list[str]], delimiter: str, width: int | None) -> SheetRow:
    """Read a record that has quotation marks. Of a broken one its first line is the row, and the later lines are given back."""
    feed.begin_record()
    fault, cells = "", list[str]()
    try:
        cells = next(reader)
        if len(feed.taken) > 1 and width is not None and _has_swallowed_rows(feed.taken, delimiter, width):
            fault = UNPAIRED_QUOTE
    except csv.Error as error:
        fault = LONG_CELL if "field limit" in str(error) else UNPAIRED_QUOTE
    number = feed.number - len(feed.taken) + 1
    if not fault:
        return SheetRow(number, [*cells])
    first, later = feed.taken[0], feed.taken[1:]
    feed.give_back(later)
    return SheetRow(number, [*first.rstrip("\r\n").split(delimiter)], fault)


def _has_swallowed_rows(lines: list[str], delimiter: str, width: int) -> bool:
    """Return true when a record of several lines is rather several records: its first line and a later one have a whole row's cells."""
    if width < 3 or lines[0].count(delimiter) < width - 1:
        return False
    return any(line.count(delimiter) == width - 1 or _count_cells(line, delimiter) == width for line in lines[1:])


def _count_cells(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter, strict=True), []))
    except csv.Error:
        return 0
