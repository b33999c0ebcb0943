"""The commands of the brake: letters are stopped, let go again, and what is stopped is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli.options import DataDir, create_console, get_caller_name, load_business_clock, load_existing_settings, opened_database, parse_day
from domain.correspondence.letter_stop import StopScope

if TYPE_CHECKING:
    from adapters.correspondence.letter_stop_store import BrakeContext
    from adapters.database.engine import Database

letters_app = typer.Typer(no_args_is_help=True, help="Stop letters, and let them go again.")


@letters_app.command("stop")
def stop_letters(
    reason: Annotated[str, typer.Argument(help="Why, as everybody will read it.")],
    policy: Annotated[str | None, typer.Option(help="Only those of accounts with an invoice under this policy.")] = None,
    account: Annotated[str | None, typer.Option(help="Only those to this account.")] = None,
    until: Annotated[
        date | None, typer.Option(parser=parse_day, metavar="DATE", help="The last business date on which nothing goes.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Stop all letters, at once and without a restart: nothing is lost, and each account's next letter tells its position of that day."""
    from adapters.correspondence.letter_stop_store import LetterStopStore

    if policy is not None and account is not None:
        raise typer.BadParameter("name a policy or an account, not both")
    scope = StopScope.POLICY if policy is not None else StopScope.ACCOUNT if account is not None else StopScope.ALL
    with _opened_for_braking(data_dir) as (database, context):
        if until is not None and until < context.at.date():
            raise typer.BadParameter(f"{until} is over; name {context.at:%Y-%m-%d} or a later day")
        stop = LetterStopStore(database).stop(scope, policy or account or "", reason, until, context)
    print(f"stopped: {stop.stop_id}")


@letters_app.command("continue")
def continue_letters(
    stop_id: Annotated[str, typer.Argument(help="The stop, as `duecourse letters stops` shows it.")], data_dir: DataDir = None
) -> None:
    """End a stop. To end it again changes nothing."""
    from adapters.correspondence.letter_stop_store import LetterStopStore

    with _opened_for_braking(data_dir) as (database, context):
        stop = LetterStopStore(database).end(stop_id, context)
    print(f"ended by {stop.ended_by}: its letters go again")


@letters_app.command("stops")
def list_stops(all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False, data_dir: DataDir = None) -> None:
    """Show which letters are stopped, since when, by whom and why."""
    from adapters.correspondence.letter_stop_store import LetterStopStore

    table = Table("stop", "letters", "since", "until", "by", "reason")
    with _opened_for_braking(data_dir) as (database, context):
        stops = LetterStopStore(database).list_stops(None if all_ else context.at.date())
    for stop in stops:
        end = f"{stop.ended_at:%Y-%m-%d} ({stop.ended_by})" if stop.ended_at else str(stop.last_day or "it is ended")
        table.add_row(stop.stop_id, f"{stop.scope.value} {stop.target}".strip(), f"{stop.made_at:%Y-%m-%d}", end, stop.made_by, stop.reason)
    if stops:
        create_console().print(table)
    else:
        print("no letter is stopped")


@contextmanager
def _opened_for_braking(data_dir: Path | None) -> "Iterator[tuple[Database, BrakeContext]]":
    """Open a data folder that exists, with who acts on it and when."""
    from adapters.correspondence.letter_stop_store import BrakeContext

    with opened_database(load_existing_settings(data_dir)) as database:
        now = datetime.now(UTC)
        at = load_business_clock(database).to_business(now)
        yield database, BrakeContext(f"letter_stop:{token_hex(16)}", get_caller_name(), at, now)
