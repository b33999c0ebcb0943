"""A running import: batch after batch, each read and booked in a transaction of its own."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import insert, text
from sqlmodel import Session

from adapters.database.engine import Database
from adapters.database.tables import ImportRow
from adapters.imports.cell_parsing import Cell, format_cell
from adapters.imports.column_sources import RowRejectedError
from adapters.imports.row_booking import BatchBooking, ImportContext, ImportVerdict
from adapters.imports.row_reader import ImportedInvoice, RowReader
from adapters.imports.sheet_reader import Sheet

REJECTED_SHOWN = 20
REASON_COLUMN = "reason"
IMPORT_LOCK_ID = 0x6475_6563
"""The advisory lock on PostgreSQL for which the batches of two imports take turns; SQLite has one writer anyway."""


class RejectedRow(BaseModel):
    """A rejected row. `row` is its number in the file, where the header is row 1."""

    model_config = ConfigDict(frozen=True)

    row: int
    reason: str


def strip_reason_column(header: list[str]) -> list[str]:
    """Remove the column of reasons that an earlier import added."""
    return header[:-1] if header[-1:] == [REASON_COLUMN] else header


class RunningImport:
    """A running import and its counts. `import_id` is None for a dry run."""

    def __init__(self, database: Database, sheet: Sheet, reader: RowReader, context: ImportContext, import_id: str | None) -> None:
        self._database, self._reader, self._context, self.import_id = database, reader, context, import_id
        self._width = len(strip_reason_column(sheet.header))
        self._had_reason = self._width < len(sheet.header)
        self._comma_columns = {place for place, name in enumerate(sheet.header) if reader.decimals.get(name) == ","}
        self._first_rows: dict[str, tuple[int, bytes]] = {}
        self.rows = 0
        self.verdicts: Counter[ImportVerdict] = Counter()
        self.rejected: list[RejectedRow] = []
        self.held_accounts = 0

    def process_batch(self, batch: list[tuple[int, list[Cell]]]) -> None:
        """Read and book one batch. It makes many objects and no cycles: to search for cycles would take a third of the time."""
        with _garbage_collection_paused():
            self._book_batch(batch)

    def _book_batch(self, batch: list[tuple[int, list[Cell]]]) -> None:
        read = [(number, cells, self._read_row(number, cells)) for number, cells in batch]
        invoices = [row for _, _, row in read if isinstance(row, ImportedInvoice)]
        verdicts: list[dict[str, Any]] = []
        with self._open_transaction() as session:
            booking = BatchBooking(session, self._database, invoices, self._context, lock=self.import_id is not None)
            for number, cells, row in read:
                verdict, reason = _book_row(booking, row)
                verdicts.append(
                    {
                        "import_id": self.import_id,
                        "row": number,
                        "verdict": verdict.value,
                        "reason": reason,
                        "invoice_id": row.invoice_id if isinstance(row, ImportedInvoice) else None,
                        "cells": self._format_rejected_cells(cells) if verdict is ImportVerdict.REJECTED else None,
                    }
                )
            if self.import_id is not None:
                booking.write()
                self.held_accounts += booking.count_held_accounts()
                session.connection().execute(insert(ImportRow), verdicts)
        self._count_verdicts(verdicts)

    @contextmanager
    def _open_transaction(self) -> Iterator[Session]:
        if self.import_id is None:
            with self._database.reading() as session:
                yield session
            return
        with self._database.writing() as session:
            if not self._database.is_sqlite:
                session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": IMPORT_LOCK_ID})
            yield session

    def _read_row(self, number: int, cells: list[Cell]) -> ImportedInvoice | RowRejectedError | None:
        """The row, the reason why it is rejected, or None for the repetition of an earlier one."""
        try:
            row = self._reader.read_row(cells)
        except RowRejectedError as fault:
            return fault
        fingerprint = bytes.fromhex(row.fingerprint[:16])
        first, content = self._first_rows.setdefault(row.invoice_id, (number, fingerprint))
        if first == number:
            return row
        if content == fingerprint:
            return None
        return RowRejectedError(f"the invoice {row.invoice_id!r} is in row {first} already, with other content; keep the one that is right")

    def _format_rejected_cells(self, cells: list[Cell]) -> list[str]:
        """As they came, less the reason that an earlier import gave."""
        texts = [self._format_number(place, cell) for place, cell in enumerate(cells)]
        return texts[: self._width] if self._had_reason else texts

    def _count_verdicts(self, verdicts: list[dict[str, Any]]) -> None:
        self.rows += len(verdicts)
        for each in verdicts:
            self.verdicts[ImportVerdict(each["verdict"])] += 1
            if each["reason"] and len(self.rejected) < REJECTED_SHOWN:
                self.rejected.append(RejectedRow(row=each["row"], reason=each["reason"]))

    def _format_number(self, place: int, cell: Cell) -> str:
        """Excel's numbers with the decimal mark that the mapping reads."""
        if isinstance(cell, str):
            return cell
        return format_cell(cell).replace(".", ",") if isinstance(cell, float) and place in self._comma_columns else format_cell(cell)


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _book_row(booking: BatchBooking, row: ImportedInvoice | RowRejectedError | None) -> tuple[ImportVerdict, str]:
    if row is None:
        return ImportVerdict.UNCHANGED, ""
    if isinstance(row, RowRejectedError):
        return ImportVerdict.REJECTED, str(row)
    try:
        return booking.book_row(row), ""
    except RowRejectedError as fault:
        return ImportVerdict.REJECTED, str(fault)
