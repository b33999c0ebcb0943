"""Prints what `duecourse up` shows once everything runs: one screen, then the line that begins with `ready`."""

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from sqlalchemy import func
from sqlmodel import col, select

from adapters.database.clock_store import is_accelerated
from adapters.database.engine import Database
from adapters.database.tables import Account, Invoice
from adapters.outages import describe_database_address
from adapters.policies.in_force import describe_overtaken_file, list_overtaken_files
from adapters.policies.refusal import PolicyRefusal, find_refusal
from adapters.read_model.letter_brakes import count_held_accounts
from cli.local_stack import RunningStack
from domain.billing.billing_events import InvoiceStatus
from domain.clock import Clock


def show_startup_screen(console: Console, running: RunningStack, command: str) -> None:
    """`command` is how Duecourse was called, for the commands that are named as next steps."""
    parts, settings = running.services, running.services.settings
    folder = _shorten_path(settings.data_dir)
    where = Table.grid(padding=(0, 2))
    where.add_column(style="bold", no_wrap=True)
    where.add_column(overflow="fold")
    where.add_row("Business date", format_business_date(parts.clock))
    where.add_row("Console, API", f"{running.url}   (the API: {running.url}/openapi.json)")
    embedded = settings.temporal_address is None
    where.add_row(
        "Temporal", f"{running.temporal}   " + (f"(embedded: {_shorten_path(settings.data_dir)}/temporal.db)" if embedded else "(yours)")
    )
    where.add_row("Database", _describe_database(parts.database))
    where.add_row("Letters", _describe_letter_delivery(running))
    where.add_row("Letters from", parts.company.name + _describe_company_source(running))
    where.add_row("Policies", ", ".join(f"{snapshot.name} {snapshot.version}" for snapshot in parts.policies.list_in_force()))
    for file in list_overtaken_files(parts.database):
        where.add_row("", f"[yellow]{escape(describe_overtaken_file(file))}[/]")
    if refusal := find_refusal(parts.database):
        where.add_row("", f"[bold red]The policies in their folder are refused ({_count_faults(refusal)}); the ones above go on.[/]")
        where.add_row("", f"[red]{escape(chr(10).join(refusal.faults))}[/]")
    where.add_row("Invoices", _describe_portfolio(parts.database))
    if held := count_held_accounts(parts.database):
        where.add_row("Held", f"{held:,} accounts are held for release: no letter goes to them")
    where.add_row("Worker, logs", f"in this process   (logs: {folder}/logs)")
    console.print(Panel(where, title="Duecourse", title_align="left", expand=False))
    for line in _list_next_steps(running, command):
        console.print(line, highlight=False, soft_wrap=True)
    console.file.write(f"ready {running.sign_in_url}\n")
    console.file.flush()


def format_business_date(clock: Clock) -> str:
    """Return today's business date, and how the clock runs, in words."""
    today = f"{clock.to_business(datetime.now(UTC)):%A %Y-%m-%d}"
    if clock.paused:
        return f"{today}   (played, and paused: `duecourse clock resume` lets it go on)"
    if is_accelerated(clock):
        return f"{today}   (played: one business day every {clock.day_seconds:g} s)"
    return today if clock == Clock.real_time() else f"{today}   (moved; it goes on at the speed of life)"


def _describe_letter_delivery(running: RunningStack) -> str:
    settings = running.services.settings
    if running.inbox is None:
        return f"by SMTP through {settings.smtp_host}:{settings.smtp_port} ({settings.smtp_security.value})"
    return (
        f"stay in the local inbox; none leaves this machine   ({_shorten_path(settings.data_dir)}/inbox, SMTP on port {running.inbox.port})"
    )


def _describe_company_source(running: RunningStack) -> str:
    return f"   (yours: {_shorten_path(running.services.settings.data_dir)}/company.yaml)" if running.services.company.is_fictitious else ""


def _count_faults(refusal: PolicyRefusal) -> str:
    return "1 mistake" if len(refusal.faults) == 1 else f"{len(refusal.faults)} mistakes"


def _describe_portfolio(database: Database) -> str:
    with database.reading() as session:
        invoices = session.exec(select(func.count()).select_from(Invoice)).one()
        open_ = session.exec(select(func.count()).select_from(Invoice).where(col(Invoice.status) == InvoiceStatus.OPEN)).one()
        accounts = session.exec(select(func.count()).select_from(Account)).one()
    return f"{open_} open of {invoices}, {accounts} accounts" if invoices else "none yet"


def _list_next_steps(running: RunningStack, command: str) -> list[str]:
    folder = running.services.settings.data_dir
    other = f" --data-dir {folder}" if str(folder) != ".duecourse" else ""
    if running.sample:
        return [
            "This is the sample portfolio: invented customers who pay, promise and dispute as the days pass, and a staff that works them.",
            "What waits for a decision waits for the manager. To sign in as her, and to have time to read:",
            f"  {command} sign-in --user miriam.wolff --role collections_manager{other}",
            f"  {command} clock pause{other}   (and resume, or --day-seconds 60)",
            "To start with your own invoices:",
            f"  {command} up --no-sample --data-dir my-data",
            f"Ctrl-C stops Duecourse. A fresh sign-in link: {command} sign-in{other}",
        ]
    if _describe_portfolio(running.services.database) == "none yet":
        return [f"Bring in invoices: open the link below, page Import; or, from another terminal: {command} import FILE.csv{other}"]
    if count_held_accounts(running.services.database):
        return [
            f"What would go to the accounts that are held, and a button that lets it go: {running.url}/preview",
            f"Or by command: {command} preview{other}, and then {command} release --all{other}",
        ]
    return [f"Ctrl-C stops Duecourse. A fresh sign-in link: {command} sign-in{other}"]


def _shorten_path(path: Path) -> str:
    """Return the path relative to the current folder, if it lies inside."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _describe_database(database: Database) -> str:
    if database.is_sqlite:
        return f"SQLite   ({_shorten_path(Path(database.engine.url.database or ''))})"
    return f"PostgreSQL   ({describe_database_address(database.url)})"
