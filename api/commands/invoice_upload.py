"""Invoices that come through the API go the way of a file's rows: the importer judges both by the same rules."""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.imports.column_mapping import ColumnMapping, FileFormat
from adapters.read_model.imports import list_row_verdicts
from api.context import ApiContext
from api.schemas.imports import InvoiceIn, InvoiceVerdict

REQUIRED_COLUMNS = ("number", "account_id", "issue_date", "due_date", "currency", "total", "country", "time_zone", "language")
OPTIONAL_COLUMNS = ("invoice_id", "account_name", "segment", "collector", "email", "open_balance", "disputed")
ID_COLUMNS = ("number", "account_id", "invoice_id")
CSV_COLUMNS = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
API_MAPPING = ColumnMapping.model_validate(
    {
        "mapping": "api",
        "empty_cells": "keep",
        "file": FileFormat(delimiter=",", encoding="utf-8", decimal="."),
        "fields": {name: name for name in REQUIRED_COLUMNS} | {name: {"column": name, "otherwise": ""} for name in OPTIONAL_COLUMNS},
    }
)


def upload_invoices(context: ApiContext, invoices: list[InvoiceIn], user: str) -> list[InvoiceVerdict]:
    """Import the invoices and return a verdict for each, in their order."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "invoices.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, CSV_COLUMNS, quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(_build_csv_row(invoice) for invoice in invoices)
        result = context.importer.run(
            path,
            API_MAPPING,
            context.today,
            context.business_now,
            user,
            file_name="POST /v1/invoices",
            hold_new_accounts=context.releases.holds_new_accounts(context.clock),
        )
    verdicts = list_row_verdicts(context.database, result.import_id or "")
    return [
        InvoiceVerdict(invoice_id=invoice.id, verdict=row.verdict, reason=row.reason)
        for invoice, row in zip(invoices, verdicts, strict=True)
    ]


def _build_csv_row(invoice: InvoiceIn) -> dict[str, Any]:
    account = invoice.account
    row = {
        "number": invoice.number or invoice.id,
        "account_id": account.id,
        "issue_date": invoice.issue_date.isoformat(),
        "due_date": invoice.due_date.isoformat(),
        "currency": invoice.total.currency,
        "total": invoice.total.amount,
        "country": account.country,
        "time_zone": account.time_zone,
        "language": account.language,
        "invoice_id": invoice.id,
        "account_name": account.name,
        "segment": account.segment,
        "collector": account.collector,
        "email": account.email,
        "open_balance": invoice.open_balance.amount if invoice.open_balance else "",
        "disputed": "yes" if invoice.disputed else "no",
    }
    return {name: value if name in ID_COLUMNS else " ".join(value.split()) for name, value in row.items()}
