"""Import a file of invoices: a verdict for every row, thousands of rows a second, and never more than a batch of them in memory."""

import codecs
import hashlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, update
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.row_states import ImportState
from adapters.database.tables import ImportRow, ImportRun
from adapters.imports.cell_parsing import AmbiguousAmountsError, DecimalMarkDetector
from adapters.imports.column_mapping import ColumnMapping
from adapters.imports.import_run import REASON_COLUMN, RejectedRow, RowWarning, RunningImport, strip_reason_column
from adapters.imports.open_list import MissingInvoices, close_missing_invoices, find_missing_invoices
from adapters.imports.rejected_rows import format_csv_line
from adapters.imports.row_booking import ImportContext, ImportVerdict
from adapters.imports.row_reader import AMOUNT_FIELDS, RowReader
from adapters.imports.sheet import Sheet, SheetError, SheetRow
from adapters.imports.sheet_reader import open_sheet
from adapters.ledger.payments import Payments
from adapters.ledger.transactions import LedgerTransactions
from adapters.real_time import find_real_now
from domain.errors import UserError

BATCH_SIZE = 2_000

ProgressCallback = Callable[[int, float], None]


class UnknownImportError(UserError):
    """No such import."""

    title = "There is no such import"
    status = 404
    problem_type = "not-found"


class ImportResult(BaseModel):
    """The result of an import. `import_id` is None for a dry run, which stores nothing. `rejected` has the first few rejected rows,
    `warnings` the first few that were taken with a warning; `held_accounts` is how many new accounts are held for release; `notes` say
    what was guessed of the file; `missing`: what a complete list of open items did not have."""

    model_config = ConfigDict(frozen=True)

    import_id: str | None
    rows: int
    verdicts: dict[ImportVerdict, int]
    rejected: list[RejectedRow]
    held_accounts: int = 0
    warnings: list[RowWarning] = []
    notes: list[str] = []
    missing: MissingInvoices = MissingInvoices()


def _ignore_progress(rows: int, fraction: float) -> None:
    """Report no progress."""


class RejectedFile(NamedTuple):
    """Rejected rows as the bytes of a CSV file in an encoding."""

    encoding: str
    lines: Iterator[bytes]


class Importer:
    """Imports files into the embedded ledger."""

    def __init__(self, database: Database, real_now: Callable[[], datetime] = find_real_now) -> None:
        self._database, self._real_now = database, real_now

    def run(
        self,
        path: Path,
        mapping: ColumnMapping,
        business_date: date,
        at: datetime,
        started_by: str,
        dry_run: bool = False,
        progress: ProgressCallback = _ignore_progress,
        file_name: str | None = None,
        hold_new_accounts: bool = False,
        is_complete: bool = False,
    ) -> ImportResult:
        """Import what is known at `business_date`; `at` is the business time (UTC) of the events. A dry run writes nothing.

        Every batch is a transaction of its own, so an import that is cut short can be run again. Raises SheetError, before anything is
        written, when the file as a whole cannot be used. `file_name` is the user's name of the file, when `path` is a copy.
        `hold_new_accounts`: no letter goes to accounts that are new before they are released. `is_complete`: the file lists all open items,
        and what is missing in it is shown.
        """
        sheet = open_sheet(path, mapping.file, mapping.required_columns(), mapping.known_columns(), guess=dry_run)
        reader = RowReader(mapping, sheet.header, _detect_decimal_marks(sheet, mapping, path.name), business_date)
        import_id = None if dry_run else uuid4().hex
        held_by = import_id if hold_new_accounts else None
        context = ImportContext(business_date, at, self._real_now(), started_by, mapping.reductions, held_by, reader.cleared_fields)
        run = RunningImport(self._database, sheet, reader, context, import_id)
        if run.import_id is not None:
            self._create_run(run.import_id, file_name or path.name, path, started_by, sheet, is_complete)
        try:
            for batch in _read_batches(sheet):
                run.process_batch(batch)
                progress(run.rows, sheet.get_fraction_read())
            run.process_credit_notes(BATCH_SIZE)
        except BaseException as error:
            self._finish_run(run, ImportState.FAILED, str(error) or type(error).__name__)
            raise
        self._finish_run(run, ImportState.DONE)
        return ImportResult(
            import_id=run.import_id,
            rows=run.rows,
            verdicts={verdict: run.verdicts[verdict] for verdict in ImportVerdict},
            rejected=run.rejected,
            held_accounts=run.held_accounts,
            warnings=run.warnings,
            notes=sheet.notes,
            missing=find_missing_invoices(self._database, run.identities.has_seen) if is_complete else MissingInvoices(),
        )

    def close_missing(self, import_id: str, expected: int, closed_by: str, on: date, at: datetime) -> int:
        """Close what a complete list did not have; how many. `expected`: how many the person saw. Raises ListNotClosableError."""
        payments = Payments(LedgerTransactions(self._database, self._real_now))
        return close_missing_invoices(self._database, payments, import_id, expected, closed_by, on, at)

    def export_rejected_rows(self, import_id: str) -> RejectedFile:
        """The rejected rows as CSV, with a last column of reasons: to be corrected and imported again. In the delimiter and encoding of the
        source; UTF-8 begins with a byte order mark, so that it is read as such whatever the mapping says. Raises UnknownImportError.
        """
        with self._database.reading() as session:
            run = session.get(ImportRun, import_id)
            if run is None:
                raise UnknownImportError(f"there is no import {import_id!r}")
            header, delimiter, encoding = run.header, run.delimiter, run.encoding
        return RejectedFile(encoding, _encode_lines(self._generate_rejected_lines(import_id, header, delimiter), encoding))

    def _generate_rejected_lines(self, import_id: str, header: list[str], delimiter: str) -> Iterator[str]:
        yield format_csv_line([*header, REASON_COLUMN], delimiter)
        after = 0
        while True:
            rejected = (
                select(col(ImportRow.row), col(ImportRow.cells), col(ImportRow.reason))
                .where(
                    col(ImportRow.import_id) == import_id,
                    col(ImportRow.verdict) == ImportVerdict.REJECTED.value,
                    col(ImportRow.row) > after,
                )
                .order_by(col(ImportRow.row))
                .limit(BATCH_SIZE)
            )
            with self._database.reading() as session:
                rows = session.execute(rejected).all()
            for number, cells, reason in rows:
                padded = [*(cells or []), *[""] * (len(header) - len(cells or []))]
                yield format_csv_line([*padded, reason], delimiter)
                after = number
            if len(rows) < BATCH_SIZE:
                return

    def _create_run(self, import_id: str, file_name: str, path: Path, started_by: str, sheet: Sheet, is_complete: bool) -> None:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        with self._database.writing() as session:
            session.add(
                ImportRun(
                    id=import_id,
                    file_name=file_name,
                    file_sha256=sha256,
                    started_by=started_by,
                    header=strip_reason_column(sheet.header),
                    delimiter=sheet.delimiter,
                    encoding="utf-8-sig" if sheet.encoding == "utf-8" else sheet.encoding,
                    notes=sheet.notes,
                    is_complete=is_complete,
                    started_at=self._real_now(),
                )
            )

    def _finish_run(self, run: RunningImport, state: ImportState, error: str = "") -> None:
        if run.import_id is None:
            return
        with self._database.writing() as session:
            outcome = {
                "state": state,
                "error": error,
                "rows": run.rows,
                "verdicts": {verdict.value: count for verdict, count in run.verdicts.items()},
                "ended_at": self._real_now(),
            }
            session.connection().execute(update(ImportRun).where(col(ImportRun.id) == run.import_id).values(**outcome))


def _read_batches(sheet: Sheet) -> Iterator[list[SheetRow]]:
    rows = sheet.rows()
    while batch := list(islice(rows, BATCH_SIZE)):
        yield batch


def _detect_decimal_marks(sheet: Sheet, mapping: ColumnMapping, name: str) -> dict[str, str]:
    """Detect the decimal mark of each column of amounts from all of its values, unless the mapping defines it. The file is read to its end
    for it, so that one that cannot be read as a whole is refused before anything is written. Raises SheetError."""
    sources = mapping.fields.get_sources()
    columns = {label for field in AMOUNT_FIELDS if field in sources and (label := sources[field].label) in sheet.header and label}
    detectors = {sheet.header.index(column): DecimalMarkDetector(column) for column in columns} if mapping.file.decimal == "auto" else {}
    for row in sheet.rows():
        for index, detector in detectors.items():
            if index < len(row.cells) and not row.fault:
                detector.add_cell(row.cells[index])
    if mapping.file.decimal != "auto":
        return dict.fromkeys(columns, mapping.file.decimal)
    try:
        return {sheet.header[index]: detector.detect_mark() for index, detector in detectors.items()}
    except AmbiguousAmountsError as error:
        raise SheetError(f"{name}: {error}") from error


def _encode_lines(lines: Iterator[str], encoding: str) -> Iterator[bytes]:
    """A reason may have characters that the source's encoding lacks."""
    encoder = codecs.getincrementalencoder(encoding)("backslashreplace")
    for line in lines:
        yield encoder.encode(line)


__all__ = ["ImportResult", "ImportVerdict", "Importer", "ProgressCallback", "RejectedFile", "RejectedRow", "UnknownImportError"]
