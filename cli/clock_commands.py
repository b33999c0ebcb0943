"""`duecourse clock`: a played clock is shown, paused, slowed and resumed."""

from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated

import typer

from adapters.config.settings import Settings
from cli.options import get_caller_name, load_business_clock, load_existing_settings, opened_database
from domain.errors import OperatingError

TAKE_OVER_SECONDS = 10.0
DataDir = Annotated[Path | None, typer.Option(help="The folder that holds everything; .duecourse when left out.")]

clock_app = typer.Typer(invoke_without_command=True, help="The played clock: shown, paused, slowed, resumed. The real one is left alone.")


class ClockNotTakenOverError(OperatingError):
    """The running Duecourse does not take over a change of its clock."""


@clock_app.callback()
def show_or_set_clock(
    context: typer.Context,
    day_seconds: Annotated[
        float | None, typer.Option(min=0.1, max=86_399, help="From now on a business day lasts so many seconds.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Show the business clock, or have it run faster or slower."""
    if context.invoked_subcommand is None:
        _change_clock(load_existing_settings(data_dir), day_seconds=day_seconds)


@clock_app.command("pause")
def pause_clock(data_dir: DataDir = None) -> None:
    """Let business time stand still. What people do meanwhile is done all the same."""
    _change_clock(load_existing_settings(data_dir), paused=True)


@clock_app.command("resume")
def resume_clock(data_dir: DataDir = None) -> None:
    """Let business time go on from where it stands."""
    _change_clock(load_existing_settings(data_dir), paused=False)


def _change_clock(settings: Settings, *, paused: bool | None = None, day_seconds: float | None = None) -> None:
    """Ask for the change, and wait until it is made: by the process that plays the clock, or here where none runs. Then show the clock."""
    from adapters.database.clock_store import ClockChange, apply_clock_change, is_clock_change_pending, request_clock_change
    from adapters.database.row_states import ClockChannel
    from adapters.process.instance_lock import find_running_instance
    from cli.startup_screen import format_business_date

    with opened_database(settings) as database:
        if paused is not None or day_seconds is not None:
            change = ClockChange(paused=paused, day_seconds=day_seconds)
            request_clock_change(database, change, get_caller_name(), ClockChannel.COMMAND_LINE)
            if find_running_instance(settings.data_dir) is None:
                apply_clock_change(database, datetime.now(UTC))
            deadline = monotonic() + TAKE_OVER_SECONDS
            while is_clock_change_pending(database):
                if monotonic() > deadline:
                    raise ClockNotTakenOverError("Duecourse has not taken the change over yet; `duecourse status` shows how it is")
                sleep(0.1)
        print(format_business_date(load_business_clock(database)))
