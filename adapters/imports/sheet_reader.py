"""Opens a file as a table, whichever of CSV and Excel it is."""

from collections.abc import Collection
from pathlib import Path

from adapters.imports.column_mapping import FileFormat
from adapters.imports.csv_sheet import CsvSheet
from adapters.imports.excel_sheet import EXCEL_SIGNATURES, ExcelSheet
from adapters.imports.sheet import BrokenSheetError, EmptySheetError, HeaderSearch, Sheet, refuse_empty_file
from domain.refusal import Refusal


def open_sheet(path: Path, file: FileFormat, required: Collection[str], known: Collection[str], guess: bool = False) -> Sheet:
    """Raises SheetError. `required` are the columns that must be there, `known` those that may be there once only; `guess`: a header below
    title lines is found, and said."""
    try:
        with path.open("rb") as stream:
            beginning = stream.read(4)
    except OSError as error:
        raise BrokenSheetError(
            Refusal("file.unreadable", "{file}: cannot be read ({problem})", file=path.name, problem=error.strerror)
        ) from error
    if not beginning:
        raise EmptySheetError(refuse_empty_file(path.name))
    search = HeaderSearch(file.header_row, required, known, guess)
    sheet: Sheet = ExcelSheet(path, file.sheet, search) if beginning in EXCEL_SIGNATURES else CsvSheet(path, file, search)
    if next(sheet.rows(), None) is None:
        raise EmptySheetError(Refusal("file.header_only", "{file}: there is a header but no row below it; export it again", file=path.name))
    return sheet
