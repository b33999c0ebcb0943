"""All that match a list, as a file: CSV, which spreadsheets and programs read, or an Excel workbook.

A cell that a spreadsheet would take for a formula is text in both.
"""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from adapters.imports.rejected_rows import format_csv_line
from api.console.lists.console_list import Cell
from api.console.lists.list_state import ListState
from api.context import ApiContext
from api.presenters.phrases import Phrases

EXPORT_PAGE = 1_000
"""So many rows are read at a time."""

CSV_TYPE = "text/csv; charset=utf-8"
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_WORKBOOK_ROWS = 1_048_575
"""What a sheet holds below its head; a list that is longer goes on on the next sheet."""

_BYTE_ORDER_MARK = "\ufeff"
"""By which spreadsheets know that a file is UTF-8."""

_CHUNK = 64 * 1024


def write_csv(context: ApiContext, state: ListState, words: Phrases) -> Iterator[str]:
    """Days in ISO 8601, amounts with a point, each currency in a column of its own; a page of rows at a time."""
    columns = list_export_columns(state)
    yield _BYTE_ORDER_MARK + format_csv_line([words.list_columns[label] for _, label in columns], ",")
    for page in _read_pages(context, state, words):
        yield "".join(format_csv_line([_write_text(line.get(name)) for name, _ in columns], ",") for line in page)


def write_workbook(context: ApiContext, state: ListState, words: Phrases) -> Iterator[bytes]:
    """Days and amounts are days and numbers to Excel."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "list.xlsx"
        _fill_workbook(file, context, state, words)
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK):
                yield chunk


def list_export_columns(state: ListState) -> list[tuple[str, str]]:
    """The columns that are shown, each with its phrase; and what tells rows and currencies apart, which a page shows in other ways."""
    console_list = state.console_list
    shown = [(name, console_list.columns[name].label) for name in state.columns]
    return [shown[0], *console_list.export_columns.items(), *shown[1:]]


def _read_pages(context: ApiContext, state: ListState, words: Phrases) -> Iterator[list[Any]]:
    console_list, cursor = state.console_list, None
    while True:
        request = state.build_request(EXPORT_PAGE)._replace(cursor=cursor)
        rows, cursor = console_list.load_page(context, request)
        yield [line for row in rows for line in console_list.export_rows(context, row, words)]
        if cursor is None:
            return


def _write_text(cell: Cell) -> str:
    if cell is None:
        return ""
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _fill_workbook(file: Path, context: ApiContext, state: ListState, words: Phrases) -> None:
    columns = list_export_columns(state)
    workbook = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold, day = workbook.add_format({"bold": True}), workbook.add_format({"num_format": "yyyy-mm-dd"})
    amounts = {places: workbook.add_format({"num_format": f"#,##0{'.' if places else ''}{'0' * places}"}) for places in range(4)}
    formats = {"day": day, **{f"amount.{places}": each for places, each in amounts.items()}}
    sheet, place = None, MAX_WORKBOOK_ROWS
    for page in _read_pages(context, state, words):
        for line in page:
            if place >= MAX_WORKBOOK_ROWS:
                sheet, place = _add_sheet(workbook, [words.list_columns[label] for _, label in columns], bold), 0
            place += 1
            _write_line(sheet, place, [line.get(name) for name, _ in columns], formats)
    if sheet is None:
        _add_sheet(workbook, [words.list_columns[label] for _, label in columns], bold)
    workbook.close()


def _add_sheet(workbook: Any, head: Sequence[str], bold: Any) -> Any:
    sheet = workbook.add_worksheet()
    sheet.freeze_panes(1, 0)
    for at, label in enumerate(head):
        sheet.write_string(0, at, label, bold)
    return sheet


def _write_line(sheet: Any, place: int, cells: Sequence[Cell], formats: dict[str, Any]) -> None:
    for at, cell in enumerate(cells):
        match cell:
            case None | "":
                continue
            case date():
                sheet.write_datetime(place, at, cell, formats["day"])
            case Decimal():
                places = min(max(-int(cell.as_tuple().exponent), 0), 3)
                sheet.write_number(place, at, cell, formats[f"amount.{places}"])
            case int():
                sheet.write_number(place, at, cell)
            case _:
                sheet.write_string(place, at, str(cell))
