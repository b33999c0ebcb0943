"""Files made after public reports of people who do this job, and imports of them into a database of their own."""

from datetime import date
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Account, Contact, ImportRow, Invoice
from adapters.imports.column_mapping import MAPPINGS_DIR, ColumnMapping, load_mapping, parse_mapping
from adapters.imports.importer import Importer, ImportResult
from adapters.shipped_files import PROJECT
from domain.clock import start_of_day

CASES = PROJECT.parent / "shared" / "cases"
CASES_DAY = date(2013, 3, 4)
OURS = load_mapping(MAPPINGS_DIR / "duecourse.yaml")
HEADER = "number,account_id,account_name,contact_name,email,issue_date,due_date,currency,total,country,time_zone,language"


def line(
    number: str = "R-1",
    account: str = "A1",
    name: str = "Firma",
    contact: str = "AP",
    email: str = "ap@x.example",
    issued: str = "2013-02-01",
    due: str = "2013-03-03",
    currency: str = "EUR",
    total: str = "100.00",
    zone: str = "Europe/Berlin",
) -> str:
    """A line under `HEADER`, its cells as they are."""
    return f"{number},{account},{name},{contact},{email},{issued},{due},{currency},{total},DE,{zone},de"


def import_lines(database: Database, folder: Path, *lines: str, header: str = HEADER, mapping: ColumnMapping = OURS) -> ImportResult:
    return import_text(database, folder, "\n".join((header, *lines)) + "\n", mapping)


def import_text(database: Database, folder: Path, text: str | bytes, mapping: ColumnMapping = OURS, dry_run: bool = False) -> ImportResult:
    file = folder / "made.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_file(database, file, mapping, dry_run=dry_run)


def import_file(
    database: Database,
    file: Path,
    mapping: ColumnMapping = OURS,
    on: date = CASES_DAY,
    dry_run: bool = False,
    is_complete: bool = False,
) -> ImportResult:
    return Importer(database).run(file, mapping, on, start_of_day(on), "tester", dry_run, is_complete=is_complete)


def map_with(text: str, *changes: tuple[str, str]) -> ColumnMapping:
    """Duecourse's own mapping with a text put into its `file` section, and other changes of its text."""
    own = (MAPPINGS_DIR / "duecourse.yaml").read_text(encoding="utf-8")
    own = own.replace("dates: [YYYY-MM-DD]", f"dates: [YYYY-MM-DD]\n  {text}" if text else "dates: [YYYY-MM-DD]")
    for old, new in changes:
        assert old in own
        own = own.replace(old, new)
    return parse_mapping(own, "made.yaml")


def count(result: ImportResult) -> dict[str, int]:
    return {verdict.value: number for verdict, number in result.verdicts.items() if number}


def read_verdicts(database: Database, result: ImportResult) -> dict[int, tuple[str, str]]:
    """(verdict, reason) by the row's number in the file."""
    with database.reading() as session:
        rows = session.execute(
            select(col(ImportRow.row), col(ImportRow.verdict), col(ImportRow.reason)).where(col(ImportRow.import_id) == result.import_id)
        )
        return {row: (verdict, reason) for row, verdict, reason in rows}


def read_invoices(database: Database) -> dict[str, Invoice]:
    with database.reading() as session:
        found = {invoice.id: invoice for invoice in session.execute(select(Invoice)).scalars()}
        session.expunge_all()
        return found


def read_names(database: Database) -> dict[str, tuple[str, str, str]]:
    """The account's name, and the name and address of its contact, by account."""
    with database.reading() as session:
        query = select(col(Account.id), col(Account.name), col(Contact.name), col(Contact.email))
        joined = query.outerjoin(Contact, col(Contact.account_id) == col(Account.id))
        return {row[0]: (row[1], row[2] or "", row[3] or "") for row in session.execute(joined)}
