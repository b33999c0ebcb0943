"""Reads Excel files, by a process of their own with bounded memory and time; its rows are kept in a temporary file."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import Any

from adapters.imports.cell_parsing import Cell
from adapters.imports.sheet import BrokenSheetError, EmptySheetError, HeaderSearch, SheetRow, find_header
from domain.refusal import Refusal

EXCEL_SIGNATURES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
MAX_FILE_BYTES = 64 * 2**20
MAX_MEMORY_BYTES = 512 * 2**20
MAX_SECONDS = 60
READER = Path(__file__).with_name("excel_process.py")
MAX_MESSAGE_LENGTH = 1_000


class ExcelSheet:
    delimiter = ","
    encoding = "utf-8-sig"

    def __init__(self, path: Path, sheet: str | None, search: HeaderSearch) -> None:
        self.notes: list[str] = []
        self._fraction_read = 0.0
        self._file = NamedTemporaryFile("w+b", prefix="duecourse-sheet-")  # noqa: SIM115 - it lives as long as the sheet
        _unpack(path, sheet or "", self._file)
        self._size = max(Path(self._file.name).stat().st_size, 1)
        try:
            self._header_at, self.header = find_header(path.name, self._read_rows(), search, self.notes)
        except EmptySheetError as error:
            raise EmptySheetError(
                Refusal(
                    "file.empty_sheet", "{file}: the sheet is empty; name another one in the mapping, or export it again", file=path.name
                )
            ) from error

    def rows(self) -> Iterator[SheetRow]:
        return (row for row in self._read_rows() if row.number > self._header_at)

    def get_fraction_read(self) -> float:
        return self._fraction_read

    def _read_rows(self) -> Iterator[SheetRow]:
        with Path(self._file.name).open("rb") as lines:
            for place, line in enumerate(lines, 1):
                cells: list[Cell] = json.loads(line, object_hook=_decode_cell)
                if any(cell != "" for cell in cells):
                    self._fraction_read = min(lines.tell() / self._size, 1.0) if place % 1_000 == 0 else self._fraction_read
                    yield SheetRow(place, cells)


def _decode_cell(value: dict[str, str]) -> date | datetime:
    return date.fromisoformat(value["on"]) if "on" in value else datetime.fromisoformat(value["at"])


def _unpack(path: Path, sheet: str, output: Any) -> None:
    """Have the rows written to `output`. Raises BrokenSheetError."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BrokenSheetError(
            Refusal(
                "file.excel_too_large",
                "{file}: Excel files of more than {most} MB are not read; save the sheet as CSV",
                file=path.name,
                most=MAX_FILE_BYTES // 2**20,
            )
        )
    command = [sys.executable, "-I", str(READER), str(path), sheet, str(MAX_MEMORY_BYTES), str(MAX_SECONDS)]
    with TemporaryFile() as complaints:
        try:
            status = subprocess.run(command, stdout=output, stderr=complaints, stdin=subprocess.DEVNULL, timeout=MAX_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise BrokenSheetError(
                Refusal(
                    "file.excel_too_slow",
                    "{file}: takes longer than {most} s to read; save the sheet as CSV",
                    file=path.name,
                    most=MAX_SECONDS,
                )
            ) from error
        complaints.seek(0)
        message = complaints.read(MAX_MESSAGE_LENGTH).decode("utf-8", "replace").strip()
    if status.returncode == 1 and message:
        raise BrokenSheetError(f"{path.name}: {message.splitlines()[-1]}")
    if status.returncode != 0:
        raise BrokenSheetError(
            Refusal(
                "file.excel_too_heavy",
                "{file}: takes more than {memory} MB of memory or {most} s to read; save the sheet as CSV",
                file=path.name,
                memory=MAX_MEMORY_BYTES // 2**20,
                most=MAX_SECONDS,
            )
        )
