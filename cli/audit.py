"""The commands of the audit: `duecourse audit verify | seals | replay | export | log | key | erase | views`.

They end with status 1 when they find a fault, or something that stands against what was asked; with status 2 when they were asked wrongly.

Each composes the parts that it needs, and no more: verifying, a look at a past day and the trail of views need no running Duecourse.
"""

import asyncio
import secrets
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from adapters.config.settings import Settings
from cli import replay as audit_replays
from cli.options import (
    DataDir,
    FirstDay,
    ForAccount,
    LastDay,
    create_console,
    get_caller_name,
    load_business_clock,
    load_existing_settings,
    opened_database,
    parse_day,
    record_access,
    show_progress,
)

if TYPE_CHECKING:
    from adapters.audit.erasure import AccountEraser
    from adapters.audit.export.signed_export import ExportResult
    from adapters.database.engine import Database
    from domain.audit.scope import AuditScope
    from domain.erasure.report import ErasureReport

audit_app = typer.Typer(no_args_is_help=True, help="The audit: verify the record, replay it, export it, and say who looked at what.")

FAULT_EXIT_CODE = 1
OCEL_SUFFIX, CSV_SUFFIX = ".json", ".csv"


@audit_app.command()
def verify(data_dir: DataDir = None) -> None:
    """Hold the whole record against its hashes, its chains and the daily seals; what was changed is named."""
    from adapters.audit.audit_service import open_run_archive
    from adapters.audit.verification.verification import Verification
    from cli.audit_output import show_verification

    settings = load_existing_settings(data_dir)
    opened = opened_database(settings, for_looking=True)
    with opened as database, show_progress("{task.completed:,} of {task.total:,} entries") as bar:
        task, verification = bar.add_task("verifying", total=0), Verification(database, open_run_archive(database, settings))
        report = verification.run(lambda done, total: bar.update(task, completed=done, total=total))
    show_verification(create_console(), report)
    if not report.sound or report.unguarded or report.out_of_reach:
        raise SystemExit(FAULT_EXIT_CODE)


@audit_app.command()
def seals(
    check: Annotated[date | None, typer.Option(parser=parse_day, metavar="DATE", help="Hold this day's seal against the database.")] = None,
    data_dir: DataDir = None,
) -> None:
    """The daily seals, with the hashes that were mailed; --check holds one of them against the database."""
    from adapters.audit.seals.seal_store import SealStore
    from cli.audit_output import show_seal_check, show_seals

    with opened_database(load_existing_settings(data_dir), for_looking=True) as database:
        seal_store = SealStore(database)
        if check is None:
            show_seals(create_console(), seal_store.list_seals())
            return
        faults = seal_store.check_seal(check)
    show_seal_check(create_console(), check, faults)
    if faults:
        raise SystemExit(FAULT_EXIT_CODE)


@audit_app.command()
def replay(
    account: Annotated[str | None, typer.Argument(help="Its id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Replay every account; only what differs is shown.")] = False,
    at: Annotated[
        date | None, typer.Option(parser=parse_day, metavar="DATE", help="Show how it stood at the end of this business day instead.")
    ] = None,
    step: Annotated[
        bool, typer.Option("--step", help="Walk through its journal entry by entry instead; with --at, up to that day.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Replay an account's histories with today's code and hold the journal against them, or show how it once stood."""
    from adapters.audit.audit_service import find_chain_faults, require_account
    from adapters.journal.account_state import AccountStateQuery
    from cli.audit_output import show_account_state, show_chain_faults, show_replay
    from domain.audit.scope import AccountScope

    settings, console = load_existing_settings(data_dir), create_console()
    if account is None or every:
        if account is not None or at is not None or step or not every:
            raise typer.BadParameter("name an account, or say --all and nothing else")
        if not audit_replays.replay_all_accounts(settings):
            raise SystemExit(FAULT_EXIT_CODE)
        return
    scope = AccountScope(account)
    with opened_database(settings) as database:
        require_account(database, scope)
        if at is not None and at > (today := load_business_clock(database).to_business(datetime.now(UTC)).date()):
            raise typer.BadParameter(f"the day {at} has not come; it is {today}")
        record_access(database, "replay", scope)
        if at is None and not step:
            report = asyncio.run(audit_replays.replay_account(settings, database, account))
            show_replay(console, report)
            faulty = not report.flawless
        else:
            show_chain_faults(console, account, faults := find_chain_faults(database, account))
            if step:
                audit_replays.walk_entries(database, account, at)
            elif at is not None:
                show_account_state(console, AccountStateQuery(database).load_state(account, at), at)
            faulty = bool(faults)
    if faulty:
        raise SystemExit(FAULT_EXIT_CODE)


@audit_app.command()
def export(
    target: Annotated[Path, typer.Argument(dir_okay=False, help="The zip to write.")],
    account: ForAccount = None,
    first_day: FirstDay = None,
    last_day: LastDay = None,
    data_dir: DataDir = None,
) -> None:
    """A signed zip of an account or a period, with the program that verifies it."""
    from adapters.audit.audit_service import require_account

    scope, settings = _parse_scope(target, account, first_day, last_day), load_existing_settings(data_dir)
    with opened_database(settings) as database:
        require_account(database, scope)
        made = asyncio.run(_run_export(settings, database, scope, target))
        record_access(database, "export", scope)
    console = create_console()
    console.print(f"{made.path}: {made.manifest['entries']:,} entries of {made.manifest['cases']:,} cases", highlight=False, soft_wrap=True)
    console.print(f"The public key of its signature, to be told by another way: {made.public_key}", highlight=False, soft_wrap=True)


def _parse_scope(target: Path, account: str | None, first_day: date | None, last_day: date | None) -> "AuditScope":
    """Raises typer.BadParameter."""
    from domain.audit.scope import AccountScope, PeriodScope

    if not target.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {target.parent}")
    if account is not None and first_day is None and last_day is None:
        return AccountScope(account)
    if account is not None or first_day is None or last_day is None:
        raise typer.BadParameter("name an account with --account, or a period with --from and --to")
    if first_day > last_day:
        raise typer.BadParameter(f"the period ends on {last_day}, before it begins on {first_day}")
    return PeriodScope(first_day, last_day)


async def _run_export(settings: Settings, database: "Database", scope: "AuditScope", target: Path) -> "ExportResult":
    with show_progress() as bar:
        bar.add_task("exporting", total=None)
        return await (await audit_replays.create_audit_service(settings, database)).export(
            scope, target, get_caller_name(), datetime.now(UTC)
        )


@audit_app.command("log")
def event_log(
    target: Annotated[Path, typer.Argument(dir_okay=False, help="The file to write: .json for OCEL 2.0, .csv for a flat log.")],
    account: ForAccount = None,
    first_day: FirstDay = None,
    last_day: LastDay = None,
    data_dir: DataDir = None,
) -> None:
    """The journal for process mining: an object-centric log in OCEL 2.0, or a table with an event on each row."""
    from adapters.audit.audit_service import require_account
    from adapters.audit.export.event_log import export_event_log, export_ocel

    scope = _parse_scope(target, account, first_day, last_day)
    if target.suffix not in (OCEL_SUFFIX, CSV_SUFFIX):
        raise typer.BadParameter(f"name a file that ends in {OCEL_SUFFIX} (OCEL 2.0) or {CSV_SUFFIX} (a flat log)")
    with opened_database(load_existing_settings(data_dir)) as database:
        require_account(database, scope)
        if target.suffix == CSV_SUFFIX:
            exported = f"{export_event_log(database, scope, target):,} events"
        else:
            counts = export_ocel(database, scope, target)
            exported = f"{sum(counts.events.values()):,} events of {sum(counts.objects.values()):,} objects"
        record_access(database, "log", scope)
    create_console().print(f"{target}: {exported}", highlight=False, soft_wrap=True)


@audit_app.command()
def key(data_dir: DataDir = None) -> None:
    """The public key of this house's exports, to be told to auditors by another way than the export's."""
    from adapters.audit.export.signing_key import load_audit_key

    print(load_audit_key(load_existing_settings(data_dir)).public_hex)


@audit_app.command()
def erase(
    account: Annotated[str, typer.Argument(help="Its id.")],
    for_good: Annotated[bool, typer.Option("--for-good", help="Erase, after showing what would go; else only show it.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    user: Annotated[str | None, typer.Option(help="In whose name; whoever is logged in here when left out.")] = None,
    data_dir: DataDir = None,
) -> None:
    """What would be erased of an account's personal details, and what stays; --for-good erases it."""
    from adapters.audit.erasure import AccountEraser
    from cli.audit_output import show_erasure

    settings, console, name = load_existing_settings(data_dir), create_console(), user or get_caller_name()
    with opened_database(settings) as database:
        erasure = AccountEraser(database, settings.retention_years)
        plan = erasure.plan_erasure(account, name, load_business_clock(database).to_business(datetime.now(UTC)))
        show_erasure(console, plan)
        if plan.blocked:
            raise SystemExit(FAULT_EXIT_CODE)
        if not for_good:
            console.print("Nothing was changed. --for-good erases it.", highlight=False)
        elif yes or typer.confirm("Erase this for good?", default=False):
            if report := asyncio.run(_run_erasure(settings, database, erasure, account, name)):
                show_erasure(console, report)
            else:
                console.print("No worker answered in time: it is recorded, and will be done.", highlight=False)


async def _run_erasure(
    settings: Settings, database: "Database", eraser: "AccountEraser", account: str, user: str
) -> "ErasureReport | None":
    """Ask for the erasure and return its result; None when no worker answered in time: it is done when one does."""
    from adapters.temporal.case_commands import CommandQueued, TemporalCaseCommands
    from adapters.temporal.case_start import CaseStart
    from cli.standalone import connect_to_temporal
    from domain import identifiers as ids
    from domain.erasure.commands import EraseAccount

    clock = load_business_clock(database)
    command = EraseAccount(act_id=f"act:{secrets.token_hex(16)}", actor=user, account_id=account)
    beginning = CaseStart(ids.WorkflowName.ERASING, ids.erasure_case_id(account), eraser.build_workflow_input(account, clock), account)
    if isinstance(await TemporalCaseCommands(await connect_to_temporal(settings)).submit_or_start_case(beginning, command), CommandQueued):
        return None
    done = (report for report in eraser.list_reports(account) if report.key == command.act_id)
    return next(done, None) or eraser.plan_erasure(account, user, clock.to_business(datetime.now(UTC)))


@audit_app.command()
def views(
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    user: Annotated[str | None, typer.Option(help="Only of this user.")] = None,
    first_day: FirstDay = None,
    last_day: LastDay = None,
    most: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    data_dir: DataDir = None,
) -> None:
    """Who looked at which account, the newest first."""
    from adapters.read_model.access_log import AccessLogFilter, list_access_log

    log_filter = AccessLogFilter(account=account, user=user, first_day=first_day, last_day=last_day)
    table = Table("first (real time, UTC)", "last", "user", "role", "account", "route or command", "times")
    table.columns[6].justify = "right"
    with opened_database(load_existing_settings(data_dir)) as database:
        for line in list_access_log(database, log_filter, most, None)[0]:
            table.add_row(
                f"{line.first_at:%Y-%m-%d %H:%M:%S}",
                f"{line.last_at:%H:%M:%S}",
                line.user,
                line.role,
                line.account_id,
                line.route,
                f"{line.count:,}",
            )
    create_console().print(table)
