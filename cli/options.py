"""What the commands of the audit share: reading days, opening the database, showing progress, and noting who looked at an account."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from getpass import getuser
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.config.settings import Settings, SettingsError
from domain.clock import parse_iso_day

if TYPE_CHECKING:
    from adapters.database.engine import Database
    from domain.audit.scope import AuditScope
    from domain.clock import Clock

COMMAND_LINE_ROLE = "command line"
"""The role under which the access log has a person who runs commands on the data folder, without signing in."""


def parse_day(text: str) -> date:
    """Raises typer.BadParameter."""
    try:
        return parse_iso_day(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date here: {error}") from error


DataDir = Annotated[Path | None, typer.Option(help="The folder that holds everything; .duecourse when left out.")]
ForAccount = Annotated[str | None, typer.Option(help="Everything of one account.")]
FirstDay = Annotated[date | None, typer.Option("--from", parser=parse_day, metavar="DATE", help="The first business date.")]
LastDay = Annotated[date | None, typer.Option("--to", parser=parse_day, metavar="DATE", help="The last business date, included.")]


def load_existing_settings(data_dir: Path | None) -> Settings:
    """Load the settings of a data folder that exists: whatever is asked of an empty one, or made in it, would be worth nothing.

    Raises SettingsError.
    """
    settings = Settings.load(data_dir=data_dir)
    file = settings.database_file
    if file is not None and not file.is_file():
        where = f"there is no Duecourse in {file.parent}"
        raise SettingsError(f"{where}; name its folder: `{_name_this_command()} --data-dir FOLDER`, or begin one: `duecourse up`")
    return settings


def _name_this_command() -> str:
    """Return the command that runs, as a person would type it, up to its first option: what follows may be a secret."""
    words = takewhile(lambda word: not word.startswith("-"), sys.argv[1:])
    return shlex.join(["duecourse", *words])


def _require_known_database(settings: Settings) -> None:
    """Raises SettingsError."""
    from adapters.database.engine import Database

    database = Database(settings.resolved_database_url)
    try:
        if database.find_known_revision() is None:
            raise SettingsError("there is no Duecourse in the database that is set; begin one with `duecourse prepare`, or set another")
    finally:
        database.close()


@contextmanager
def opened_database(settings: Settings, *, for_looking: bool = False) -> Iterator["Database"]:
    """Open the database. `for_looking`: where it lies cannot be written to, it is opened as it is.

    Raises NewerDatabaseError, DataFolderError, OlderCopyError, and SettingsError for a server's database in which no Duecourse is yet.
    """
    from adapters.composition import open_database
    from adapters.database.read_only import is_writable, opened_read_only

    if for_looking and (file := settings.database_file) is not None and not is_writable(file):
        with opened_read_only(file) as copy:
            yield copy
        return
    if settings.database_file is None:
        _require_known_database(settings)
    database = open_database(settings)
    try:
        yield database
    finally:
        database.close()


def load_business_clock(database: "Database") -> "Clock":
    from adapters.database.clock_store import load_clock
    from domain.clock import Clock

    return load_clock(database) or Clock.real_time()


def get_caller_name() -> str:
    """Return the name of this machine's user; in a container without names, the user's number."""
    try:
        return getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def record_access(database: "Database", command: str, scope: "AuditScope") -> None:
    """Note in the access log who looks at an account by a command, as for those who read it over the API."""
    from adapters.audit.access_log import AccessLog, AccessRecord, build_scope_target

    real = datetime.now(UTC)
    seen = AccessRecord(
        get_caller_name(),
        COMMAND_LINE_ROLE,
        f"duecourse audit {command}",
        build_scope_target(scope),
        real,
        load_business_clock(database).to_business(real),
    )
    AccessLog(database).write([seen])


@contextmanager
def show_progress(count: str = "") -> Iterator[Progress]:
    """Show progress on standard error, so that the command's own output can be piped; it disappears when the work is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn(count), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=Console(stderr=True)) as bar:
        yield bar


def create_console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 160)
