"""What the readers of CSV and Excel files have in common: rows with their numbers, and why a file cannot be used."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple, Protocol

from adapters.imports.cell_parsing import Cell
from adapters.imports.rejected_rows import restore_cells
from domain.errors import UserError
from domain.refusal import Refusal

HEADER_SEARCHED_ROWS = 20
MAX_COLUMNS = 2_000


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


class SheetRow(NamedTuple):
    """`number` counts as the file does, lines of a CSV file from 1. A row that cannot be parted into cells has a `fault`, and its cells are
    a guess."""

    number: int
    cells: list[Cell]
    fault: str = ""


class Sheet(Protocol):
    """`rows` can be read again and again. `encoding` is that of the file; `notes` say what was guessed of it."""

    header: list[str]
    delimiter: str
    encoding: str
    notes: list[str]

    def rows(self) -> Iterator[SheetRow]: ...

    def get_fraction_read(self) -> float:
        """How much of the file has been read, 0 to 1."""
        ...


class HeaderSearch(NamedTuple):
    """How the header is found. `row` is its number in the file by the mapping; None: it is the first row that is not empty. `guess`: where
    that row lacks `required` columns and a later one has them, it is taken, and a note says so."""

    row: int | None
    required: Collection[str]
    known: Collection[str]
    guess: bool = False


def find_header(file_name: str, rows: Iterator[SheetRow], search: HeaderSearch, notes: list[str]) -> tuple[int, list[str]]:
    """Find the header; its number and its names. Raises EmptySheetError, HeaderError."""
    if search.row is not None:
        named = next((row for row in rows if row.number >= search.row), None)
        if named is None or named.number != search.row:
            raise HeaderError(
                Refusal(
                    "file.header_row_empty",
                    "{file}: row {row}, which the mapping says is the header, is empty; correct 'header_row'",
                    file=file_name,
                    row=search.row,
                )
            )
        return named.number, _check_header(file_name, read_names(named), search)
    first = next(rows, None)
    if first is None:
        raise EmptySheetError(refuse_empty_file(file_name))
    names = read_names(first)
    if set(search.required) <= set(names):
        return first.number, _check_header(file_name, names, search)
    for _, row in zip(range(HEADER_SEARCHED_ROWS), rows, strict=False):
        if set(search.required) <= set(read_names(row)):
            if search.guess:
                notes.append(
                    Refusal(
                        "file.header_found",
                        "row {row} looks like the header: write 'header_row: {row}' in the mapping's 'file' section; it is read so here",
                        row=row.number,
                    )
                )
                return row.number, _check_header(file_name, read_names(row), search)
            raise HeaderError(
                Refusal(
                    "file.header_below",
                    "{file}: the first row is not the header; row {row} looks like the header: "
                    "write 'header_row: {row}' in the mapping's 'file' section",
                    file=file_name,
                    row=row.number,
                )
            )
    return first.number, _check_header(file_name, names, search)


def refuse_empty_file(file_name: str) -> Refusal:
    return Refusal("file.empty", "{file}: the file is empty; export it again", file=file_name)


def read_names(row: SheetRow) -> list[str]:
    names = ["" if cell is None else " ".join(str(cell).split()) for cell in restore_cells(row.cells)]
    while names and not names[-1]:
        names.pop()
    return names


def _check_header(file_name: str, header: list[str], search: HeaderSearch) -> list[str]:
    """Raises HeaderError."""
    if len(header) > MAX_COLUMNS:
        raise HeaderError(
            Refusal(
                "file.too_many_columns",
                "{file}: the header has {columns:,} columns; at most {most:,} are read",
                file=file_name,
                columns=len(header),
                most=MAX_COLUMNS,
            )
        )
    missing = sorted(set(search.required) - set(header))
    if missing:
        hints = [f"{column!r}{_suggest_column(column, header)}" for column in missing]
        raise HeaderError(
            Refusal(
                "file.header_lacks",
                "{file}: the header lacks {columns}; it has: {header}. Correct the mapping or the file",
                file=file_name,
                columns=", ".join(hints),
                header=", ".join(filter(None, header)),
            )
        )
    twice = sorted(column for column in set(search.known) if header.count(column) > 1)
    if twice:
        raise HeaderError(
            Refusal(
                "file.header_twice",
                "{file}: the header has {columns} more than once; rename or remove one",
                file=file_name,
                columns=", ".join(map(repr, twice)),
            )
        )
    return header


def _suggest_column(column: str, header: Sequence[str]) -> str:
    close = get_close_matches(column, header, n=1)
    return f" (is it {close[0]!r}?)" if close else ""
