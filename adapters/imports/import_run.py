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
from adapters.imports.invoice_identity import InvoiceIdentities, ReadRow, RepeatedCreditNote
from adapters.imports.rejected_rows import restore_cells
from adapters.imports.row_booking import BatchBooking, BookingVerdict, ImportContext, ImportVerdict
from adapters.imports.row_reader import ImportedInvoice, RowReader
from adapters.imports.sheet import Sheet, SheetRow
from domain.refusal import Refusal

REJECTED_SHOWN = 20
MAX_CREDIT_NOTES_HELD = 50_000
REASON_COLUMN = "reason"
IMPORT_LOCK_ID = 0x6475_6563
"""The advisory lock on PostgreSQL for which the batches of two imports take turns; SQLite has one writer anyway."""


class RejectedRow(BaseModel):
    """A rejected row. `row` is its number in the file, where the header is row 1."""

    model_config = ConfigDict(frozen=True)

    row: int
    reason: str


class RowWarning(BaseModel):
    """A row that was taken, and what a person should look at."""

    model_config = ConfigDict(frozen=True)

    row: int
    warning: str


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
        self.identities = InvoiceIdentities(lambda: _find_shared_numbers(sheet, reader))
        self._credit_notes: list[tuple[SheetRow, ReadRow | BookingVerdict]] = []
        self.rows = 0
        self.verdicts: Counter[ImportVerdict] = Counter()
        self.rejected: list[RejectedRow] = []
        self.warnings: list[RowWarning] = []
        self.held_accounts = 0

    def process_batch(self, batch: list[SheetRow]) -> None:
        """Read and book one batch. It makes many objects and no cycles: to search for cycles would take a third of the time.

        Credit notes wait until all invoices of the file are booked: the one that a credit note names may stand below it."""
        with _garbage_collection_paused():
            read = [(row, self._read_row(row)) for row in batch]
            self._book_batch([each for each in read if not _is_credit_note(each[1])])
            self._credit_notes += [each for each in read if _is_credit_note(each[1])]
            if len(self._credit_notes) > MAX_CREDIT_NOTES_HELD:
                self.process_credit_notes(len(batch))

    def process_credit_notes(self, batch_size: int) -> None:
        """Book the credit notes that wait, in batches."""
        while self._credit_notes:
            batch, self._credit_notes = self._credit_notes[:batch_size], self._credit_notes[batch_size:]
            self._book_batch(batch)

    def _book_batch(self, read: list[tuple[SheetRow, ReadRow | BookingVerdict]]) -> None:
        verdicts: list[dict[str, Any]] = []
        with self._open_transaction() as session:
            numbered = [(row.number, None if isinstance(each, BookingVerdict) else each) for row, each in read]
            identified, known = self.identities.identify(session, numbered)
            invoices = [each for each in identified if isinstance(each, ImportedInvoice)]
            booking = BatchBooking(session, self._database, invoices, known, self._context, lock=self.import_id is not None)
            for (row, original), each in zip(read, identified, strict=True):
                verdict, reason = _book_row(booking, original if isinstance(original, BookingVerdict) else each)
                verdicts.append(
                    {
                        "import_id": self.import_id,
                        "row": row.number,
                        "verdict": verdict.value,
                        "reason": reason,
                        "invoice_id": each.invoice_id if isinstance(each, ImportedInvoice) else None,
                        "cells": self._format_rejected_cells(row.cells) if verdict is ImportVerdict.REJECTED else None,
                    }
                )
            if self.import_id is not None and verdicts:
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

    def _read_row(self, row: SheetRow) -> ReadRow | BookingVerdict:
        """The row, the reason why it is rejected, or that it is left out."""
        if row.fault:
            return RowRejectedError(row.fault)
        if self._reader.is_totals_row(row.cells):
            return BookingVerdict(ImportVerdict.LEFT_OUT)
        try:
            return self._reader.read_row(restore_cells(row.cells) if self._had_reason else row.cells)
        except RowRejectedError as fault:
            return fault

    def _format_rejected_cells(self, cells: list[Cell]) -> list[str]:
        """As they came, less the reason that an earlier import gave."""
        texts = [self._format_number(place, cell) for place, cell in enumerate(cells)]
        return restore_cells(texts[: self._width]) if self._had_reason else texts

    def _count_verdicts(self, verdicts: list[dict[str, Any]]) -> None:
        self.rows += len(verdicts)
        for each in verdicts:
            self.verdicts[ImportVerdict(each["verdict"])] += 1
            if not each["reason"]:
                continue
            if each["verdict"] == ImportVerdict.REJECTED.value:
                if len(self.rejected) < REJECTED_SHOWN:
                    self.rejected.append(RejectedRow(row=each["row"], reason=each["reason"]))
            elif len(self.warnings) < REJECTED_SHOWN:
                self.warnings.append(RowWarning(row=each["row"], warning=each["reason"]))

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


def _is_credit_note(row: ReadRow | BookingVerdict) -> bool:
    return isinstance(row, ImportedInvoice) and row.is_credit_note


def _book_row(booking: BatchBooking, row: ReadRow | BookingVerdict) -> tuple[ImportVerdict, str]:
    if row is None:
        return ImportVerdict.UNCHANGED, ""
    if isinstance(row, RepeatedCreditNote):
        repeated = Refusal("row.credit_note_twice", "the credit note is in row {row} already, and counts once", row=row.first_row)
        return ImportVerdict.DUPLICATE, str(repeated)
    if isinstance(row, BookingVerdict):
        return row.verdict, ""
    if isinstance(row, RowRejectedError):
        return ImportVerdict.REJECTED, str(row)
    try:
        verdict, warnings = booking.book_row(row)
    except RowRejectedError as fault:
        return ImportVerdict.REJECTED, str(fault)
    return verdict, "; ".join(warnings)


def _find_shared_numbers(sheet: Sheet, reader: RowReader) -> set[str]:
    """The numbers that several accounts have in the file."""
    accounts: dict[str, str] = {}
    shared: set[str] = set()
    for row in sheet.rows():
        number, account_id = reader.read_identity(row.cells)
        if accounts.setdefault(number, account_id) != account_id:
            shared.add(number)
    return shared
