"""Import of a file into an empty SQLite database, in a process of its own: `python -m bench.importing ROWS` prints figures as JSON.

Verdicts and rows are written; the workflows that the invoices start are not counted.
"""

import json
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from adapters.database.engine import Database
from adapters.imports.column_mapping import load_mapping
from adapters.imports.importer import Importer
from adapters.imports.row_booking import ImportVerdict
from adapters.shipped_files import PROJECT

MAPPING = PROJECT / "mappings" / "duecourse.yaml"
BUSINESS_DATE = date(2013, 6, 1)
INVOICES_PER_ACCOUNT = 5


def write_invoice_file(file: Path, rows: int) -> None:
    """In Duecourse's own format; five invoices an account, three currencies, four languages."""
    countries = (("DE", "Europe/Berlin", "de"), ("FR", "Europe/Paris", "fr"), ("ES", "Europe/Madrid", "es"), ("GB", "Europe/London", "en"))
    columns = "number,account_id,account_name,country,time_zone,language,contact_name,email,issue_date,due_date,currency,total"
    with file.open("w", encoding="utf-8") as sheet:
        sheet.write(columns + "\n")
        for n in range(rows):
            account = n // INVOICES_PER_ACCOUNT
            country, zone, language = countries[account % len(countries)]
            issued = BUSINESS_DATE - timedelta(days=n % 90)
            currency = ("EUR", "USD", "GBP")[account % 3]
            sheet.write(
                f"R-{n},A{account},Customer {account},{country},{zone},{language},Accounts payable,a{account}@customer.example,"
                f"{issued},{issued + timedelta(days=30)},{currency},{100 + n % 900}.{n % 100:02d}\n"
            )


def measure_import(rows: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "invoices.csv"
        write_invoice_file(file, rows)
        database = Database(f"sqlite:///{folder}/duecourse.db")
        database.migrate()
        begin = time.perf_counter()
        result = Importer(database).run(file, load_mapping(MAPPING), BUSINESS_DATE, datetime.now(UTC), "bench")
        seconds = time.perf_counter() - begin
        database.close()
    if result.verdicts[ImportVerdict.NEW] != rows:
        raise RuntimeError(f"not every row was taken: {result.verdicts}")
    return {"import_rows_per_s": rows / seconds, "import_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    print(json.dumps(measure_import(int(sys.argv[1]))))  # noqa: T201
