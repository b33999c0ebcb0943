"""`duecourse billing`: the connected billing systems are listed, tested, read, and compared with what is here."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DataDir, load_existing_settings, opened_database

if TYPE_CHECKING:
    from adapters.connections.comparison import Difference
    from adapters.connections.connection_file import TrytonConnection
    from adapters.connections.connection_states import ConnectionState

Name = Annotated[str | None, typer.Argument(help="The connection's name; all of them when left out.")]
DIFFERENT_STATUS = 3

billing_app = typer.Typer(no_args_is_help=True, help="The billing systems that are connected: tested, read, compared.")


def _load(data_dir: Path | None, name: str | None) -> "list[TrytonConnection]":
    """Raises SettingsError, where there is none of this name."""
    from adapters.connections.connection_file import FILE_NAME, ConnectionFileError, load_connections

    settings = load_existing_settings(data_dir)
    found = [each for each in load_connections(settings) if name in (None, each.name)]
    if not found:
        which = "no billing system" if name is None else f"no billing system {name!r}"
        raise ConnectionFileError(f"{which} is connected; describe it in {settings.data_dir / FILE_NAME}, as docs/billing says")
    return found


@billing_app.command("list")
def list_connections(data_dir: DataDir = None) -> None:
    """List what is connected, how far it was read, and what the last comparison found."""
    from adapters.connections.connection_states import load_connection_state

    found = _load(data_dir, None)
    with opened_database(load_existing_settings(data_dir), for_looking=True) as database:
        for connection in found:
            print(f"{connection.name}: {connection.kind}, company {connection.company}, {connection.address}")
            _print_state(load_connection_state(database, connection.key))


def _print_state(state: "ConnectionState") -> None:
    if state.away_since is not None and state.next_try_at is not None:
        print(f"    AWAY since {_say(state.away_since)}, to be tried at {_say(state.next_try_at)}: {state.away_reason}")
    read = f"{state.invoices_read:,} invoices read, {state.invoices_changed:,} of them changed"
    print(f"    {read}, to the end at {_say(state.caught_up_at)}" if state.caught_up_at else f"    {read}, not yet to the end")
    if state.compared_at is not None:
        found = f"{state.compared_items:,} open items there, {len(state.differences):,} differences"
        print(f"    compared at {_say(state.compared_at)}: {found}")
        _print_differences(state.differences)


def _print_differences(differences: "Sequence[Difference]") -> None:
    for each in differences:
        print(f"    {each.kind}: {each.number or each.id}: here {each.here}, there {each.there} {each.currency}")


def _say(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@billing_app.command("test")
def try_connections(name: Name = None, data_dir: DataDir = None) -> None:
    """Say step by step what works, what is missing, and what to ask whoever runs the system for."""
    works = True
    for connection in _load(data_dir, name):
        for step in connection.open().try_connection():
            works &= step.works
            print(f"{connection.name}: {step.name}: {'works' if step.works else 'DOES NOT WORK'}: {step.found}")
            if not step.works:
                print(f"    ask for {step.ask_for}")
    if not works:
        raise typer.Exit(DIFFERENT_STATUS)


@billing_app.command("sync")
def read_systems(name: Name = None, data_dir: DataDir = None) -> None:
    """Read what has changed, now. A running Duecourse does so every minute by itself, and tells the cases what came."""
    from adapters.composition import compose_services

    wanted = {connection.key for connection in _load(data_dir, name)}
    settings = load_existing_settings(data_dir)
    with opened_database(settings) as database:
        for key, sync in compose_services(settings, database).connected.items():
            if key not in wanted:
                continue
            result = sync.sync()
            print(f"{key.system}: {result.read:,} invoices read, {result.changed:,} changed, {result.credits_changed:,} credits changed")
            if result.accounts_changed:
                print(f"    {result.accounts_changed:,} customers changed")
            for left_out in result.left_out:
                print(f"    left out: {left_out.external_id}: {left_out.reason}")


@billing_app.command("compare")
def compare_systems(name: Name = None, data_dir: DataDir = None) -> None:
    """Compare all that is open there with what is open here, and name every difference. Nothing is changed."""
    from adapters.connections.comparison import compare_open_items

    differs = False
    with opened_database(load_existing_settings(data_dir), for_looking=True) as database:
        for connection in _load(data_dir, name):
            comparison = compare_open_items(database, connection.open())
            differs |= bool(comparison.differences)
            print(f"{connection.name}: {comparison.compared:,} open items there, {len(comparison.differences):,} differences")
            _print_differences(comparison.differences)
    if differs:
        raise typer.Exit(DIFFERENT_STATUS)
