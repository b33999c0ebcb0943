"""The command line: `duecourse up` runs everything; the other commands bring in invoices, make tokens and look at policies."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from adapters.config.settings import Settings, SettingsError
from adapters.process.gc_tuning import collect_garbage_rarely
from cli.audit import audit_app
from cli.billing_commands import billing_app
from cli.case_commands import cases_app
from cli.clock_commands import clock_app
from cli.connection_commands import register_connection_commands
from cli.letter_commands import letters_app, preview_letters, release_accounts
from cli.options import DataDir, load_existing_settings, opened_database, parse_day
from cli.user_commands import make_sign_in_link, make_token, user_app
from domain.errors import UserError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Runs the collection of overdue invoices."
)
policy_app = typer.Typer(no_args_is_help=True, help="The collection policies.")
app.add_typer(policy_app, name="policy")
app.add_typer(user_app, name="user")
app.add_typer(audit_app, name="audit")
app.add_typer(cases_app, name="cases")
app.add_typer(letters_app, name="letters")
app.add_typer(clock_app, name="clock")
register_connection_commands(billing_app)
app.add_typer(billing_app, name="billing")
app.command("release")(release_accounts)
app.command("preview")(preview_letters)
app.command("token")(make_token)
app.command("sign-in")(make_sign_in_link)

PROGRAM = "duecourse"
FAILURE_STATUS = 1
ROWS_REJECTED_STATUS = 3


@app.command()
def up(
    data_dir: DataDir = None,
    port: Annotated[int | None, typer.Option(help="The console's and the API's port; 8080 when left out.")] = None,
    as_of: Annotated[date | None, typer.Option(parser=parse_day, metavar="DATE", help="The business date to begin with.")] = None,
    day_seconds: Annotated[
        float | None, typer.Option(min=0.1, max=86_400, help="How long a business day lasts; 86400 when left out.")
    ] = None,
    sample: Annotated[bool | None, typer.Option("--sample/--no-sample", help="Begin with an invented portfolio.")] = None,
) -> None:
    """Start everything, and go on where the last start ended."""
    from cli.local_stack import StartOptions, is_new_data_folder, run_local_stack
    from cli.startup_screen import show_startup_screen

    settings = Settings.load(data_dir=data_dir, api_port=port)
    console = Console(width=None if sys.stdout.isatty() else 140)
    if sample is None and as_of is None and sys.stdin.isatty() and asyncio.run(is_new_data_folder(settings, _print_line)):
        sample = typer.confirm(
            "This data folder is empty. Begin with a sample portfolio, played at ten seconds a business day?", default=True
        )
    opening = StartOptions(as_of, day_seconds, sample)
    asyncio.run(
        run_local_stack(
            settings,
            opening,
            lambda: (_load_worker(), _load_web_app()),
            lambda running: show_startup_screen(console, running, _find_command()),
            _print_line,
        )
    )


@app.command()
def status(data_dir: DataDir = None) -> None:
    """What runs on a data folder, and what needs attention. Ends with 1 when something does."""
    from cli.status import print_status

    raise typer.Exit(print_status(Settings.load(data_dir=data_dir)))


@app.command("import")
def import_file(
    file: Path,
    mapping: Annotated[str, typer.Option(help="Which column means what: a YAML file, or the name of one in mappings/.")] = "duecourse",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    business_date: Annotated[
        date | None, typer.Option(parser=parse_day, metavar="DATE", help="As of which date; today when left out.")
    ] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Hold none of the new accounts for release: their letters go at once.")
    ] = False,
    complete: Annotated[bool, typer.Option("--complete", help="The file lists all open items: show what is missing in it.")] = False,
    close_missing: Annotated[
        int | None, typer.Option(min=0, help="Close so many invoices that a complete list does not have, as settled elsewhere.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Bring in invoices from a CSV or Excel file: a verdict for each row. Importing a file twice changes nothing. Ends with 3
    when rows were rejected.

    Until all were released once, new accounts are held: no letter goes to them before `duecourse release`.
    """
    from cli.import_command import import_with_progress

    settings = Settings.load(data_dir=data_dir)
    if not import_with_progress(settings, Console(), file, mapping, dry_run, business_date, release, complete, close_missing):
        raise typer.Exit(ROWS_REJECTED_STATUS)


@policy_app.command("check")
def check_policies(files: Annotated[list[Path] | None, typer.Argument()] = None, data_dir: DataDir = None) -> None:
    """Name everything for which the next start would refuse the policies, each with its file and line; change nothing.

    Files that are named are read in place of the folder's own of the same name or policy. Of the approval matrix (approvals.yaml) it is
    proven that every act, at every amount, finds exactly one rule. Company, mail server and letters are checked too.
    """
    from adapters.start_check import check_next_start

    settings = Settings.load(data_dir=data_dir)
    if data_dir is not None and not data_dir.is_dir():
        raise SettingsError(f"there is no folder {data_dir}; name that of a Duecourse, or none: `duecourse policy check --data-dir FOLDER`")
    checked, notes = check_next_start(settings, files or ())
    for file, policy in checked.policies:
        print(f"{file}: {policy.policy} version {policy.version}, {len(policy.timeline)} steps: good")
    for file, matrix in checked.matrices:
        print(f"{file}: approval matrix version {matrix.version}, {len(matrix.rules)} rules, every question answered once: good")
    for note in notes:
        print(f"note: {note}")


@policy_app.command("adopt")
def adopt_policy(
    name: str,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Move the open invoices on older versions of a policy to the version in force, once those agree whom the approval matrix names.

    First shown is what changes: for how many invoices another step comes next, or the same one on another day.
    """
    from cli.policy_adoption import adopt_policy

    asyncio.run(adopt_policy(Settings.load(data_dir=data_dir), name, dry_run))


@policy_app.command("list")
def list_policies(data_dir: DataDir = None) -> None:
    """Every version that was ever in force."""
    from adapters.letters.letter_templates import LetterTemplates
    from adapters.policies.policy_store import PolicyStore

    settings = load_existing_settings(data_dir)
    table = Table("policy", "version", "in force", "segments", "SHA-256")
    with opened_database(settings) as database:
        policies = PolicyStore(database, LetterTemplates(settings.letters_dir))
        in_force = {(snapshot.name, snapshot.version) for snapshot in policies.list_in_force()}
        for snapshot in policies.list_versions():
            segments = ", ".join(snapshot.load_policy().segments) or "all others"
            now = "yes" if (snapshot.name, snapshot.version) in in_force else ""
            table.add_row(snapshot.name, str(snapshot.version), now, segments, snapshot.sha256[:12])
    Console().print(table)


@app.command()
def worker(data_dir: DataDir = None) -> None:
    """Run only a worker, beside a running `duecourse up` or against the Temporal server and database that are set."""
    from cli.standalone import run_standalone_worker

    asyncio.run(run_standalone_worker(Settings.load(data_dir=data_dir), _load_worker, _print_line))


@app.command()
def api(data_dir: DataDir = None, port: Annotated[int | None, typer.Option()] = None) -> None:
    """Run only the web console and the API, against the Temporal server and database that are set."""
    from cli.standalone import run_standalone_api

    asyncio.run(run_standalone_api(Settings.load(data_dir=data_dir, api_port=port), _load_web_app, _print_line))


@app.command()
def prepare(data_dir: DataDir = None) -> None:
    """Bring database, policies and schedules to this version, before workers of a new release start."""
    from cli.standalone import prepare_release

    asyncio.run(prepare_release(Settings.load(data_dir=data_dir), _print_line))
    print("prepared")


def _load_worker() -> Any:
    from worker import run_worker

    return run_worker


def _load_web_app() -> Any:
    from adapters.audit.audit_service import AuditService
    from adapters.temporal.case_commands import TemporalCaseCommands
    from adapters.temporal.sdk_telemetry import read_sdk_metrics
    from api.app import create_app
    from api.context import ApiContext
    from worker import WORKFLOWS

    def app(client: Any, parts: Any) -> Any:
        cases, company = TemporalCaseCommands(client), parts.company
        return create_app(
            ApiContext(
                parts.database,
                parts.clock,
                cases,
                parts.billing,
                parts.importer,
                parts.identity,
                parts.inbox,
                company=company,
                retention_years=parts.settings.retention_years,
                letter_sender=parts.settings.sender,
                letters=parts.letters,
                policies_dir=parts.settings.policies_dir,
                secure_cookies=parts.settings.sends_secure_cookies,
                allowed_hosts=parts.settings.host_names,
                read_sdk_metrics=read_sdk_metrics,
                openid=parts.openid,
                systems=parts.connected,
                audits=AuditService(client, parts.database, parts.settings, WORKFLOWS),
            )
        )

    return app


def _find_command() -> str:
    """Return what a person types here to run this program: its name alone where it is on the path."""
    installed = Path(sys.executable).parent / PROGRAM
    if not installed.exists():
        return f"{_shorten_path(Path(sys.executable))} {sys.argv[0]}"
    found = shutil.which(PROGRAM)
    return PROGRAM if found and Path(found).samefile(installed) else _shorten_path(installed)


def _shorten_path(path: Path) -> str:
    """Return the path relative to the current folder, if it lies inside."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _print_line(line: str) -> None:
    print(line, flush=True)


def _run_command(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _report_error(error)
    return 0


def _report_error(error: Exception) -> int:
    """Print the sentence of a user error, the traceback of anything else; return the exit status."""
    if isinstance(error, UserError):
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return error.exit_status
    if sentence := _describe_storage_error(error):
        print(f"{PROGRAM}: {sentence}", file=sys.stderr)
        return FAILURE_STATUS
    sys.excepthook(type(error), error, error.__traceback__)
    return FAILURE_STATUS


def _describe_storage_error(error: Exception) -> str | None:
    """Loaded when something failed: the commands that need no database start without its libraries."""
    from adapters.process.data_folder import describe_storage_error

    return describe_storage_error(error)


def main() -> None:
    """Run the command line. It ends without the interpreter's own clean-up, which the Temporal SDK's threads can abort."""
    collect_garbage_rarely()
    status = _run_command(lambda: app(prog_name=PROGRAM))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
