"""Invoices that come through the API go the way of a file's rows: the importer judges both by the same rules."""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.imports.column_mapping import FileFormat, Mapping
from adapters.read_model.imports import verdicts_of
from api.context import ApiParts
from api.schemas.requests import InvoiceIn
from api.schemas.responses import InvoiceVerdict

NEEDED = ("number", "account_id", "issue_date", "due_date", "currency", "total", "country", "time_zone", "language")
OPTIONAL = ("invoice_id", "account_name", "segment", "collector", "email", "open_balance", "disputed")
COLUMNS = (*NEEDED, *OPTIONAL)
MAPPING = Mapping.model_validate(
    {
        "mapping": "api",
        "file": FileFormat(delimiter=",", encoding="utf-8", decimal="."),
        "fields": {name: name for name in NEEDED} | {name: {"column": name, "otherwise": ""} for name in OPTIONAL},
    }
)


def bring_in(parts: ApiParts, invoices: list[InvoiceIn], user: str) -> list[InvoiceVerdict]:
    """A verdict for each, in order."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "invoices.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(_row(invoice) for invoice in invoices)
        result = parts.importer.run(path, MAPPING, parts.today, parts.business_now, user, file_name="POST /v1/invoices")
    verdicts = verdicts_of(parts.database, result.import_id or "")
    return [
        InvoiceVerdict(invoice_id=invoice.id, verdict=row.verdict, reason=row.reason)
        for invoice, row in zip(invoices, verdicts, strict=True)
    ]


def _row(invoice: InvoiceIn) -> dict[str, Any]:
    account = invoice.account
    row = {
        "number": invoice.number or invoice.id, "account_id": account.id, "issue_date": invoice.issue_date.isoformat(),
        "due_date": invoice.due_date.isoformat(), "currency": invoice.total.currency, "total": invoice.total.amount,
        "country": account.country, "time_zone": account.time_zone, "language": account.language, "invoice_id": invoice.id,
        "account_name": account.name, "segment": account.segment, "collector": account.collector, "email": account.email,
        "open_balance": invoice.open_balance.amount if invoice.open_balance else "", "disputed": "yes" if invoice.disputed else "no",
    }  # fmt: skip
    return {name: " ".join(value.split()) for name, value in row.items()}
