"""Rows of a CSV or Excel file, one after the other: a CSV file is never in memory as a whole."""

import codecs
import csv
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Protocol

from python_calamine import CalamineError, CalamineWorkbook, WorksheetNotFound, load_workbook

from adapters.imports.cell_parsing import Cell
from adapters.imports.column_mapping import FileFormat
from domain.errors import UserError

CHUNK_SIZE = 1 << 20
EXCEL_SIGNATURES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
DELIMITERS = ",;\t|"


class SheetError(UserError):
    """A file that cannot be read as a table. The sentence says what to do."""

    title = "The file cannot be used"
    status = 422
    problem_type = "file"


class BrokenSheetError(SheetError):
    """Neither CSV nor Excel, or damaged."""


class EmptySheetError(SheetError):
    """Nothing in it, or a header only."""


class HeaderError(SheetError):
    """The header lacks a mapped column, or has it twice."""


class Sheet(Protocol):
    """`rows` can be read again and again; row numbers count as the file does, the header being row 1."""

    header: list[str]
    delimiter: str

    def rows(self) -> Iterator[tuple[int, list[Cell]]]: ...

    def get_fraction_read(self) -> float:
        """How much of the file has been read, 0 to 1."""
        ...


def open_sheet(path: Path, file: FileFormat, required: Collection[str], known: Collection[str]) -> Sheet:
    """Raises SheetError. `required` are the columns that must be there, `known` those that may be there once only."""
    try:
        with path.open("rb") as stream:
            beginning = stream.read(4)
    except OSError as error:
        raise BrokenSheetError(f"{path.name}: cannot be read ({error.strerror})") from error
    if not beginning:
        raise EmptySheetError(f"{path.name}: the file is empty; export it again")
    sheet: Sheet = ExcelSheet(path, file.sheet) if beginning in EXCEL_SIGNATURES else CsvSheet(path, file)
    _check_header(path.name, sheet.header, required, known)
    if next(sheet.rows(), None) is None:
        raise EmptySheetError(f"{path.name}: there is a header but no row below it; export it again")
    return sheet


def _check_header(name: str, header: list[str], required: Collection[str], known: Collection[str]) -> None:
    missing = sorted(set(required) - set(header))
    if missing:
        hints = [f"{column!r}{_suggest_column(column, header)}" for column in missing]
        raise HeaderError(
            f"{name}: the header lacks {', '.join(hints)}; it has: {', '.join(filter(None, header))}. Correct the mapping or the file"
        )
    twice = sorted(column for column in set(known) if header.count(column) > 1)
    if twice:
        raise HeaderError(f"{name}: the header has {', '.join(map(repr, twice))} more than once; rename or remove one")


def _suggest_column(column: str, header: list[str]) -> str:
    close = get_close_matches(column, header, n=1)
    return f" (is it {close[0]!r}?)" if close else ""


class CsvSheet:
    def __init__(self, path: Path, file: FileFormat) -> None:
        self._path, self._size, self._bytes_read = path, path.stat().st_size, 0
        self.encoding = _detect_encoding(path, file.encoding)
        self.delimiter = _detect_delimiter(self._read_first_line()) if file.delimiter == "auto" else file.delimiter
        first = next(self._read_records(), None)
        if first is None:
            raise EmptySheetError(f"{path.name}: the file is empty; export it again")
        self._header_at = first[0]
        self.header = [str(cell).strip() for cell in first[1]]

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        return islice(self._read_records(), 1, None)

    def get_fraction_read(self) -> float:
        return min(self._bytes_read / self._size, 1.0)

    def _read_first_line(self) -> str:
        with self._path.open("r", encoding=self.encoding, errors="replace", newline="") as stream:
            return next((line for line in stream if line.strip()), "")

    def _read_records(self) -> Iterator[tuple[int, list[Cell]]]:
        with self._path.open("rb") as stream, TextIOWrapper(stream, encoding=self.encoding, newline="") as text:
            try:
                for number, cells in enumerate(csv.reader(text, delimiter=self.delimiter), 1):
                    if any(cells):
                        self._bytes_read = stream.tell()
                        yield number, list(cells)
            except (csv.Error, UnicodeError) as error:
                raise BrokenSheetError(f"{self._path.name}: is not a readable CSV file ({error}); save it again as CSV in UTF-8") from error


def _detect_encoding(path: Path, requested: str) -> str:
    """A byte order mark is believed before anything else; else UTF-8 if the whole file is, else what Windows writes."""
    with path.open("rb") as stream:
        beginning = stream.read(4)
        for mark, name in BYTE_ORDER_MARKS:
            if beginning.startswith(mark):
                return name
        if requested != "auto":
            try:
                return codecs.lookup(requested).name
            except LookupError as error:
                raise BrokenSheetError(
                    f"{path.name}: there is no encoding {requested!r}; write 'auto', 'utf-8' or 'cp1252' in the mapping"
                ) from error
        stream.seek(0)
        decoders = {"utf-8": codecs.getincrementaldecoder("utf-8")(), "cp1252": codecs.getincrementaldecoder("cp1252")()}
        while decoders and (chunk := stream.read(CHUNK_SIZE)):
            if b"\x00" in chunk:
                raise BrokenSheetError(f"{path.name}: is neither CSV nor Excel; export it again as one of them")
            for name in list(decoders):
                try:
                    decoders[name].decode(chunk)
                except UnicodeDecodeError:
                    del decoders[name]
        if "utf-8" in decoders:
            try:
                decoders["utf-8"].decode(b"", final=True)
            except UnicodeDecodeError:
                del decoders["utf-8"]
    return next(iter(decoders), "latin-1")


def _detect_delimiter(line: str) -> str:
    """The one that parts the header best, quoted names apart."""
    return max(DELIMITERS, key=lambda mark: len(next(csv.reader([line], delimiter=mark), [])))


class ExcelSheet:
    delimiter = ","

    def __init__(self, path: Path, sheet: str | None) -> None:
        try:
            workbook: CalamineWorkbook = load_workbook(str(path))
            self._sheet = workbook.get_sheet_by_name(sheet) if sheet else workbook.get_sheet_by_index(0)
        except WorksheetNotFound as error:
            raise BrokenSheetError(f"{path.name}: there is no sheet {sheet!r}; it has: {', '.join(workbook.sheet_names)}") from error
        except (CalamineError, OSError, IndexError) as error:
            raise BrokenSheetError(f"{path.name}: is not a readable Excel file ({error}); save it again as .xlsx or CSV") from error
        self._rows_above = self._sheet.start[0] if self._sheet.start else 0
        self._row = 0
        first = next(self._read_records(), None)
        if first is None:
            raise EmptySheetError(f"{path.name}: the sheet is empty; name another one in the mapping, or export it again")
        self.header = [str(cell).strip() for cell in first[1]]

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        return islice(self._read_records(), 1, None)

    def get_fraction_read(self) -> float:
        return min(self._row / max(self._sheet.height, 1), 1.0)

    def _read_records(self) -> Iterator[tuple[int, list[Cell]]]:
        for place, cells in enumerate(self._sheet.iter_rows(), 1):
            if any(cell != "" for cell in cells):
                self._row = place
                yield self._rows_above + place, list(cells)
