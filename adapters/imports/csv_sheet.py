"""Reads CSV files, one row after the other: a file is never in memory as a whole."""

import codecs
import csv
import re
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from adapters.imports.column_mapping import FileFormat
from adapters.imports.csv_records import MAX_LINE_LENGTH, read_records
from adapters.imports.sheet import BrokenSheetError, EmptySheetError, HeaderSearch, SheetRow, find_header, refuse_empty_file
from domain.refusal import Refusal

CHUNK_SIZE = 1 << 20
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
DELIMITERS = ",;\t|"

_SEP_LINE = re.compile(r"\"?sep=(.)\"?", re.IGNORECASE)


class CsvSheet:
    def __init__(self, path: Path, file: FileFormat, search: HeaderSearch) -> None:
        self._path, self._size = path, path.stat().st_size
        self._stream: BinaryIO | None = None
        self.notes: list[str] = []
        self.encoding = self._find_encoding(file.encoding)
        first_line = self._read_first_line()
        stated = _SEP_LINE.fullmatch(first_line.strip("\r\n"))
        self._skipped_lines = 1 if stated else 0
        self.delimiter = stated[1] if stated else self._detect_delimiter(file, search) if file.delimiter == "auto" else file.delimiter
        self._width: int | None = None
        self._header_at, self.header = find_header(path.name, self._read_rows(), search, self.notes)
        self._width, self._stream = len(self.header), None

    def rows(self) -> Iterator[SheetRow]:
        return (row for row in self._read_rows() if row.number > self._header_at)

    def get_fraction_read(self) -> float:
        if self._stream is None:
            return 0.0
        return 1.0 if self._stream.closed else min(self._stream.tell() / self._size, 1.0)

    def _find_encoding(self, requested: str) -> str:
        encoding, guessed = _detect_encoding(self._path, requested)
        if guessed:
            self.notes.append(
                Refusal(
                    "file.read_as",
                    "the file is not UTF-8; it was read as {encoding}. "
                    "If names look wrong, save it as UTF-8, or write 'encoding' in the mapping's 'file' section",
                    encoding=encoding,
                )
            )
        return encoding

    def _read_first_line(self) -> str:
        with self._path.open("r", encoding=self.encoding, errors="replace", newline="") as stream:
            line = stream.readline(MAX_LINE_LENGTH)
            while line and not line.strip():
                line = stream.readline(MAX_LINE_LENGTH)
        if not line:
            raise EmptySheetError(refuse_empty_file(self._path.name))
        return line

    def _detect_delimiter(self, file: FileFormat, search: HeaderSearch) -> str:
        """The one that parts the header best, quoted names apart. Title lines above a header may have none of it."""
        lines: list[str] = []
        with self._path.open("r", encoding=self.encoding, errors="replace", newline="") as stream:
            while len(lines) < max(search.row or 0, 20) and (line := stream.readline(MAX_LINE_LENGTH)):
                lines.append(line)
        candidates = lines[search.row - 1 : search.row] if search.row else [line for line in lines if line.strip()]
        best, most = ",", 0
        for line in candidates:
            names = {mark: _split_line(line, mark) for mark in DELIMITERS}
            whole = [mark for mark in DELIMITERS if set(search.required) <= set(names[mark])]
            if whole:
                return max(whole, key=lambda mark: len(names[mark]))
            mark = max(DELIMITERS, key=lambda each: len(names[each]))
            if line is candidates[0] or not most:
                best, most = mark, len(names[mark])
        return best

    def _read_rows(self) -> Iterator[SheetRow]:
        with self._path.open("rb") as stream, TextIOWrapper(stream, encoding=self.encoding, newline="") as text:
            line, self._stream = 0, stream
            try:
                for _ in range(self._skipped_lines):
                    text.readline(MAX_LINE_LENGTH)
                for row in read_records(text, self._path.name, self.delimiter, self._width):
                    line = row.number + self._skipped_lines
                    yield row if not self._skipped_lines else row._replace(number=line)
            except UnicodeError as error:
                first_bad = _find_undecodable_line(self._path, self.encoding) or line + 1
                raise BrokenSheetError(_refuse_encoding(self._path.name, self.encoding, first_bad)) from error


def _refuse_encoding(file_name: str, encoding: str, line: int) -> Refusal:
    return Refusal(
        "file.other_encoding",
        "{file}: is not {encoding} from line {line} on; save it again as CSV in UTF-8, or write the right 'encoding' in the mapping",
        file=file_name,
        encoding=encoding,
        line=line,
    )


def _split_line(line: str, mark: str) -> list[str]:
    """What is too long for a cell is parted by nothing; whoever reads the rows says what is wrong with it."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=mark), [])]
    except csv.Error:
        return [line]


def _detect_encoding(path: Path, requested: str) -> tuple[str, bool]:
    """The encoding, and whether it is a guess. A byte order mark is believed before anything else; else UTF-8 if the whole file is, else
    what Windows writes, unless some lines are UTF-8 beyond doubt."""
    with path.open("rb") as stream:
        beginning = stream.read(4)
        for mark, name in BYTE_ORDER_MARKS:
            if beginning.startswith(mark):
                return name, False
        if requested != "auto":
            try:
                return codecs.lookup(requested).name, False
            except LookupError as error:
                raise BrokenSheetError(
                    Refusal(
                        "file.no_encoding",
                        "{file}: there is no encoding '{encoding}'; write 'auto', 'utf-8' or 'cp1252' in the mapping",
                        file=path.name,
                        encoding=requested,
                    )
                ) from error
        stream.seek(0)
        decoders = {"utf-8": codecs.getincrementaldecoder("utf-8")(), "cp1252": codecs.getincrementaldecoder("cp1252")()}
        while chunk := stream.read(CHUNK_SIZE):
            if b"\x00" in chunk:
                raise BrokenSheetError(
                    Refusal("file.no_table", "{file}: is neither CSV nor Excel; export it again as one of them", file=path.name)
                )
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
    if "utf-8" in decoders:
        return "utf-8", False
    _require_one_encoding(path)
    return next(iter(decoders), "latin-1"), True


def _require_one_encoding(path: Path) -> None:
    """Raises BrokenSheetError for a file of which some lines are UTF-8 and others are not."""
    first_utf8 = first_other = 0
    with path.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(CHUNK_SIZE), b""), 1):
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                first_utf8 = first_utf8 or number
            except UnicodeDecodeError:
                first_other = first_other or number
            if first_utf8 and first_other:
                raise BrokenSheetError(
                    Refusal(
                        "file.two_encodings",
                        "{file}: line {line} is not UTF-8, yet line {other} is; save the file again as UTF-8, "
                        "or name its 'encoding' in the mapping",
                        file=path.name,
                        line=first_other,
                        other=first_utf8,
                    )
                )


def _find_undecodable_line(path: Path, encoding: str) -> int | None:
    """The first line that is not in the encoding, where lines can be told by their bytes."""
    if encoding.startswith(("utf-16", "utf-32")):
        return None
    with path.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(CHUNK_SIZE), b""), 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return number
    return None
