"""The commands of the brake: letters are stopped and let go again, accounts are released, and what is held back is shown."""

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

MAX_ACCOUNTS_SHOWN = 200

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


@letters_app.command("held")
def list_held(data_dir: DataDir = None) -> None:
    """Show the accounts that are held for release."""
    from adapters.read_model.letter_brakes import count_held_accounts, list_held_accounts

    with opened_database(load_existing_settings(data_dir)) as database:
        held, following = list_held_accounts(database, MAX_ACCOUNTS_SHOWN, None)
        count = count_held_accounts(database)
    table = Table("account", "name", "country", "segment", "collector", "since")
    for row in held:
        table.add_row(row.account_id, row.account_name, row.country, row.segment, row.collector or "", f"{row.since:%Y-%m-%d}")
    if held:
        create_console().print(table)
    print(f"{count:,} held for release" + (f", the first {MAX_ACCOUNTS_SHOWN} are shown" if following else ""))


def release_accounts(
    accounts: Annotated[list[str] | None, typer.Argument(help="Only these accounts.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are held.")] = False,
    policy: Annotated[str | None, typer.Option(help="Only accounts with an invoice under this policy.")] = None,
    segment: Annotated[str | None, typer.Option(help="Only accounts of this segment.")] = None,
    collector: Annotated[str | None, typer.Option(help="Only accounts of this collector.")] = None,
    country: Annotated[str | None, typer.Option(help="Only accounts in this country, such as DE.")] = None,
    reason: Annotated[str, typer.Option(help="What is to stand in the record.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Let the letters go to accounts that a first import held: all, some by what they have in common, or account by account."""
    from pydantic import ValidationError

    from adapters.correspondence.release_store import ReleaseStore
    from domain.correspondence.release import ReleaseSelection

    try:
        selection = ReleaseSelection(
            everything=everything, accounts=accounts or [], policy=policy, segment=segment, collector=collector, country=country
        )
    except ValidationError as error:
        raise typer.BadParameter("release --all, or name accounts, a --policy, a --segment, a --collector or a --country") from error
    with _opened_for_braking(data_dir) as (database, context):
        result = ReleaseStore(database).release(selection, reason, context)
    print(f"released {len(result.released):,}, still held {result.held:,}")


@contextmanager
def _opened_for_braking(data_dir: Path | None) -> "Iterator[tuple[Database, BrakeContext]]":
    """Open a data folder that exists, with who acts on it and when."""
    from adapters.correspondence.letter_stop_store import BrakeContext

    with opened_database(load_existing_settings(data_dir)) as database:
        now = datetime.now(UTC)
        at = load_business_clock(database).to_business(now)
        yield database, BrakeContext(f"command:{token_hex(16)}", get_caller_name(), at, now)
