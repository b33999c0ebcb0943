"""Shows an import on the command line: a progress bar, a table of verdicts, and where the rejected rows are."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from adapters.composition import open_database
from adapters.config.settings import Settings, SettingsError
from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import ReleaseStore
from adapters.database.clock_store import load_clock
from adapters.imports.column_mapping import find_mapping_file, load_mapping
from adapters.imports.importer import Importer, ImportResult
from adapters.imports.row_booking import ImportVerdict
from adapters.process.instance_lock import find_running_instance
from adapters.temporal.client import TemporalUnreachableError, has_workers
from adapters.temporal.schedules import trigger_billing_sync
from cli.options import get_caller_name
from cli.standalone import connect_to_temporal
from domain.clock import Clock
from domain.money import Money

WORKFLOW_RELEVANT_VERDICTS = (ImportVerdict.NEW, ImportVerdict.CHANGED, ImportVerdict.SETTLED, ImportVerdict.CREDITED)


def import_with_progress(
    settings: Settings,
    console: Console,
    file: Path,
    mapping: str,
    dry_run: bool,
    business_date: date | None,
    release: bool = False,
    complete: bool = False,
    close_missing: int | None = None,
) -> bool:
    """Import beside a running Duecourse, or before the first start; true when every row was taken. `business_date` None is today
    on the data folder's clock.

    `release`: hold none of the new accounts for release. `complete`: the file lists all open items; `close_missing` is how many that it
    does not have are to be closed, as settled elsewhere.
    Raises MappingError, SheetError, ListNotClosableError, NewerDatabaseError.
    """
    columns = load_mapping(find_mapping_file(mapping))
    database = open_database(settings)
    importer = Importer(database)
    clock, releases = load_clock(database) or Clock.real_time(), ReleaseStore(database)
    now = clock.to_business(datetime.now(UTC))
    with Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn()) as bar:
        task = bar.add_task(file.name, total=1.0, rows=0)
        result = importer.run(
            file,
            columns,
            business_date or now.date(),
            now,
            get_caller_name(),
            dry_run,
            lambda rows, fraction: bar.update(task, completed=fraction, rows=rows),
            hold_new_accounts=not release and releases.holds_new_accounts(clock),
            is_complete=complete or close_missing is not None,
        )
        bar.update(task, completed=1.0, rows=result.rows)
    if release and not dry_run:
        releases.go_live(BrakeContext(f"import:{result.import_id}", get_caller_name(), now, datetime.now(UTC)))
    console.print(_build_result_table(result, dry_run))
    _show_rejected_rows(settings, console, importer, result, file)
    _show_advice(console, result, close_missing)
    if close_missing is not None and result.import_id is not None:
        closed = importer.close_missing(result.import_id, close_missing, get_caller_name(), business_date or now.date(), now)
        console.print(f"{closed:,} invoices were closed as settled elsewhere.", highlight=False)
    database.close()
    is_relevant = close_missing or any(result.verdicts[verdict] for verdict in WORKFLOW_RELEVANT_VERDICTS)
    if is_relevant and not dry_run:
        console.print(asyncio.run(_trigger_billing_sync(settings)), markup=False, highlight=False, soft_wrap=True)
    return not result.verdicts[ImportVerdict.REJECTED]


def _build_result_table(result: ImportResult, dry_run: bool) -> Table:
    table = Table("verdict", "rows", title="What would happen" if dry_run else None, title_justify="left")
    table.columns[1].justify = "right"
    for verdict, rows in result.verdicts.items():
        table.add_row(verdict.value, f"{rows:,}")
    table.add_section()
    table.add_row("in all", f"{result.rows:,}")
    return table


def _show_advice(console: Console, result: ImportResult, close_missing: int | None) -> None:
    _show_notes(console, result)
    _show_held_accounts(console, result)
    _show_missing_invoices(console, result, close_missing)


def _show_notes(console: Console, result: ImportResult) -> None:
    for note in result.notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    for warned in result.warnings[:10]:
        console.print(f"row {warned.row}: taken, but {warned.warning}", markup=False, highlight=False, soft_wrap=True)


def _show_rejected_rows(settings: Settings, console: Console, importer: Importer, result: ImportResult, file: Path) -> None:
    for rejected in result.rejected[:10]:
        console.print(f"row {rejected.row}: {rejected.reason}", markup=False, highlight=False, soft_wrap=True)
    if result.import_id is None or not result.rejected:
        return
    rejects = settings.data_dir / "rejected" / f"{file.stem}-rejected-{result.import_id[:8]}.csv"
    rejects.parent.mkdir(parents=True, exist_ok=True)
    with rejects.open("wb") as output:
        output.writelines(importer.export_rejected_rows(result.import_id).lines)
    console.print(f"The rejected rows are in {rejects}; mend them there and import that file", highlight=False, soft_wrap=True)


def _show_held_accounts(console: Console, result: ImportResult) -> None:
    if result.held_accounts:
        console.print(
            f"{result.held_accounts:,} new accounts are held for release: no letter goes to them before `duecourse release`. "
            "What would go: `duecourse preview`.",
            highlight=False,
            soft_wrap=True,
        )


def _show_missing_invoices(console: Console, result: ImportResult, close_missing: int | None) -> None:
    missing = result.missing
    if not missing.count:
        return
    console.print(f"{missing.count:,} invoices are open here and not in the file:", highlight=False)
    for invoice in missing.shown:
        amount = Money(minor=invoice.open_balance, currency=invoice.currency).major
        console.print(f"  {invoice.number} of {invoice.account_id}: {amount:,} {invoice.currency}", markup=False, highlight=False)
    if close_missing is None:
        console.print(
            f"To close them as settled elsewhere, import the file again with --close-missing {missing.count}",
            highlight=False,
            soft_wrap=True,
        )


async def _trigger_billing_sync(settings: Settings) -> str:
    """Return what becomes of the import now. What was imported waits in the database, so that whoever runs next takes it from there."""
    runs_here = find_running_instance(settings.data_dir) is not None
    if settings.temporal_address is None and not runs_here:
        return "Duecourse acts on it when it next runs: `duecourse up`."
    try:
        client = await connect_to_temporal(settings)
    except (TemporalUnreachableError, SettingsError) as error:
        return f"All of this is in. Duecourse acts on it by itself once Temporal is reached: do not import it again ({error})."
    if not await trigger_billing_sync(client):
        return "All of this is in. Nothing has run on this Temporal server yet: Duecourse acts on it after `duecourse up`, or `prepare`."
    if not (runs_here or await has_workers(client)):
        return "All of this is in. No worker runs: Duecourse acts on it once one does, `duecourse worker`."
    return "Duecourse acts on it now."
