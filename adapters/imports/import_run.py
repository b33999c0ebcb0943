"""One import under way: batch after batch, each judged and written in a transaction of its own."""

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
from adapters.imports.cell_parsing import Cell, as_text
from adapters.imports.column_sources import RowFault
from adapters.imports.row_booking import BatchBooking, Circumstances, Verdict
from adapters.imports.row_reader import InvoiceRow, RowReader
from adapters.imports.sheet_reader import Sheet

REJECTED_SHOWN = 20
REASON = "reason"
ONE_IMPORT_AT_A_TIME = 0x6475_6563
"""The advisory lock on PostgreSQL for which the batches of two imports take turns; SQLite has one writer anyway."""


class RejectedRow(BaseModel):
    """`row` as the file counts: the header is row 1."""

    model_config = ConfigDict(frozen=True)

    row: int
    reason: str


def own_header(header: list[str]) -> list[str]:
    """Without the reason that an earlier import added."""
    return header[:-1] if header[-1:] == [REASON] else header


class ImportUnderWay:
    """One import under way."""

    def __init__(self, database: Database, sheet: Sheet, reader: RowReader, given: Circumstances, import_id: str | None) -> None:
        self._database, self._reader, self._given, self.import_id = database, reader, given, import_id
        self._width = len(own_header(sheet.header))
        self._had_reason = self._width < len(sheet.header)
        self._comma_columns = {place for place, name in enumerate(sheet.header) if reader.decimals.get(name) == ","}
        self._seen: dict[str, tuple[int, bytes]] = {}
        self.rows = 0
        self.verdicts: Counter[Verdict] = Counter()
        self.rejected: list[RejectedRow] = []

    def take(self, batch: list[tuple[int, list[Cell]]]) -> None:
        """Judge and write one batch. It makes many objects and no cycles: looking for cycles among them would cost a third of the time."""
        with _no_cycle_search():
            self._take(batch)

    def _take(self, batch: list[tuple[int, list[Cell]]]) -> None:
        read = [(number, cells, self._read(number, cells)) for number, cells in batch]
        invoices = [row for _, _, row in read if isinstance(row, InvoiceRow)]
        verdicts: list[dict[str, Any]] = []
        with self._transaction() as session:
            booking = BatchBooking(session, self._database, invoices, self._given, lock=self.import_id is not None)
            for number, cells, row in read:
                verdict, reason = _judge(booking, row)
                verdicts.append(
                    {
                        "import_id": self.import_id,
                        "row": number,
                        "verdict": verdict.value,
                        "reason": reason,
                        "invoice_id": row.invoice_id if isinstance(row, InvoiceRow) else None,
                        "cells": self._kept(cells) if verdict is Verdict.REJECTED else None,
                    }
                )
            if self.import_id is not None:
                booking.write()
                session.connection().execute(insert(ImportRow), verdicts)
        self._count(verdicts)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        if self.import_id is None:
            with self._database.reading() as session:
                yield session
            return
        with self._database.writing() as session:
            if not self._database.is_sqlite:
                session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ONE_IMPORT_AT_A_TIME})
            yield session

    def _read(self, number: int, cells: list[Cell]) -> InvoiceRow | RowFault | None:
        """The row, the reason why it is rejected, or None for the repetition of an earlier one."""
        try:
            row = self._reader.read(cells)
        except RowFault as fault:
            return fault
        fingerprint = bytes.fromhex(row.fingerprint[:16])
        first, content = self._seen.setdefault(row.invoice_id, (number, fingerprint))
        if first == number:
            return row
        if content == fingerprint:
            return None
        return RowFault(f"the invoice {row.invoice_id!r} is in row {first} already, with other content; keep the one that is right")

    def _kept(self, cells: list[Cell]) -> list[str]:
        """As they came, less the reason that an earlier import gave."""
        texts = [self._written(place, cell) for place, cell in enumerate(cells)]
        return texts[: self._width] if self._had_reason else texts

    def _count(self, verdicts: list[dict[str, Any]]) -> None:
        self.rows += len(verdicts)
        for each in verdicts:
            self.verdicts[Verdict(each["verdict"])] += 1
            if each["reason"] and len(self.rejected) < REJECTED_SHOWN:
                self.rejected.append(RejectedRow(row=each["row"], reason=each["reason"]))

    def _written(self, place: int, cell: Cell) -> str:
        """Excel's numbers with the decimal mark that the mapping reads."""
        if isinstance(cell, str):
            return cell
        return as_text(cell).replace(".", ",") if isinstance(cell, float) and place in self._comma_columns else as_text(cell)


@contextmanager
def _no_cycle_search() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _judge(booking: BatchBooking, row: InvoiceRow | RowFault | None) -> tuple[Verdict, str]:
    if row is None:
        return Verdict.UNCHANGED, ""
    if isinstance(row, RowFault):
        return Verdict.REJECTED, str(row)
    try:
        return booking.book(row), ""
    except RowFault as fault:
        return Verdict.REJECTED, str(fault)
