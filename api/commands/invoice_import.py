"""Imports a file of invoices, whoever brings it: over the API, or at the console."""

from pathlib import Path
from typing import NamedTuple

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.imports.column_mapping import ColumnMapping
from adapters.imports.importer import ImportResult, ProgressCallback
from api.context import ApiContext


class FileToImport(NamedTuple):
    """`name` is the user's. `is_complete`: it lists all open items. `releases`: none of the new accounts is held for release."""

    path: Path
    name: str
    mapping: ColumnMapping
    is_complete: bool = False
    releases: bool = False


def import_invoice_file(
    context: ApiContext, file: FileToImport, user: str, dry_run: bool, progress: ProgressCallback | None = None
) -> ImportResult:
    """Until all accounts were released once, new ones are held for release. Raises SheetError."""
    result = context.importer.run(
        file.path,
        file.mapping,
        context.today,
        context.business_now,
        user,
        dry_run,
        file_name=file.name,
        hold_new_accounts=not file.releases and context.releases.holds_new_accounts(context.clock),
        is_complete=file.is_complete,
        **({"progress": progress} if progress else {}),
    )
    if file.releases and not dry_run:
        context.releases.go_live(BrakeContext(f"import:{result.import_id}", user, context.business_now, context.now()))
    return result
