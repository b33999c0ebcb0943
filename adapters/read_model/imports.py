"""Imports and their verdicts."""

from datetime import datetime

from pydantic import BaseModel
from sqlmodel import col, select

from adapters.database.engine import Database
from adapters.database.tables import ImportRow, ImportRun
from adapters.imports.import_run import REJECTED_SHOWN, RejectedRow, RowWarning
from adapters.imports.open_list import MissingInvoices, find_missing_of_import
from adapters.imports.row_booking import ImportVerdict
from adapters.read_model.letter_brakes import count_accounts_held_by


class ImportRecord(BaseModel):
    """`rejected` and `warnings` hold the first few; `held_accounts`: how many new accounts it held for release; `notes`: what was
    guessed of the file. Times are real."""

    id: str
    file_name: str
    started_by: str
    dry_run: bool
    state: str
    rows: int
    verdicts: dict[str, int]
    error: str
    started_at: datetime
    ended_at: datetime | None
    rejected: list[RejectedRow]
    warnings: list[RowWarning] = []
    notes: list[str] = []
    held_accounts: int = 0
    missing: MissingInvoices = MissingInvoices()


class RowVerdict(BaseModel):
    verdict: ImportVerdict
    reason: str


def find_import(database: Database, import_id: str) -> ImportRecord | None:
    with database.reading() as session:
        run = session.get(ImportRun, import_id)
        if run is None:
            return None
        of_import = select(ImportRow).where(ImportRow.import_id == import_id).order_by(col(ImportRow.row)).limit(REJECTED_SHOWN)
        rejected = session.exec(of_import.where(col(ImportRow.verdict) == ImportVerdict.REJECTED.value))
        warned = session.exec(of_import.where(col(ImportRow.verdict) != ImportVerdict.REJECTED.value, col(ImportRow.reason) != ""))
        return ImportRecord(
            **run.model_dump(exclude={"file_sha256", "header", "delimiter", "encoding", "is_complete"}),
            rejected=[RejectedRow(row=row.row, reason=row.reason) for row in rejected],
            warnings=[RowWarning(row=row.row, warning=row.reason) for row in warned],
            missing=find_missing_of_import(session, import_id) if run.is_complete else MissingInvoices(),
            held_accounts=count_accounts_held_by(session, import_id),
        )


class PastImport(BaseModel):
    """An import as a list shows it. Times are real."""

    id: str
    file_name: str
    started_by: str
    state: str
    rows: int
    verdicts: dict[str, int]
    started_at: datetime


def list_latest_imports(database: Database, limit: int) -> list[PastImport]:
    """The latest first."""
    with database.reading() as session:
        runs = session.exec(select(ImportRun).order_by(col(ImportRun.started_at).desc()).limit(limit))
        return [PastImport(**run.model_dump(include=set(PastImport.model_fields))) for run in runs]


def list_row_verdicts(database: Database, import_id: str) -> list[RowVerdict]:
    """In the order of the rows."""
    with database.reading() as session:
        rows = session.exec(select(ImportRow).where(ImportRow.import_id == import_id).order_by(col(ImportRow.row)))
        return [RowVerdict(verdict=ImportVerdict(row.verdict), reason=row.reason) for row in rows]
