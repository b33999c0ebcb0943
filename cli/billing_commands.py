"""`duecourse billing`: the connected billing systems are listed, tested, read, and compared with what is here."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DataDir, get_caller_name, load_business_clock, load_existing_settings, opened_database

if TYPE_CHECKING:
    from adapters.billing.external_records import BalanceCheck, ConnectionStep
    from adapters.connections.comparison import Difference
    from adapters.connections.connection_overview import ConnectionOverview
    from adapters.connections.connection_registry import ConnectedSystem, ConnectionRegistry
    from adapters.connections.connection_states import ConnectionState
    from adapters.connections.connection_sync import PageResult
    from adapters.database.engine import Database

Name = Annotated[str | None, typer.Argument(help="The connection's name; all of them when left out.")]
DIFFERENT_STATUS, AWAY_STATUS = 3, 1
PROGRESS_SECONDS = 2.0

billing_app = typer.Typer(no_args_is_help=True, help="The billing systems that are connected: added, tested, read, compared.")


@contextmanager
def opened_systems(data_dir: Path | None, *, for_looking: bool = False) -> Iterator[tuple["Database", "ConnectionRegistry"]]:
    """Raises SettingsError."""
    from adapters.connections.connection_registry import ConnectionRegistry

    settings = load_existing_settings(data_dir)
    with opened_database(settings, for_looking=for_looking) as database:
        clock = load_business_clock(database)
        yield database, ConnectionRegistry(database, settings, lambda: clock.to_business(datetime.now(UTC)))


def _find(systems: "ConnectionRegistry", name: str | None) -> "list[ConnectedSystem]":
    """Raises UnknownConnectionError, where there is none of this name."""
    from adapters.connections.connection_store import UnknownConnectionError

    found = systems.list_all() if name is None else systems.find(name)
    if not found:
        which = "no billing system" if name is None else f"no billing system {name!r}"
        raise UnknownConnectionError(f"{which} is connected; add one by `duecourse billing add`, as docs/billing says")
    return found


@billing_app.command("list")
def list_connections(data_dir: DataDir = None) -> None:
    """List what is connected, how each stands, how far it was read, and what the last comparison found."""
    from adapters.connections.connection_overview import load_connection_overviews

    with opened_systems(data_dir, for_looking=True) as (database, systems):
        for overview in load_connection_overviews(database, _find(systems, None)):
            print(describe_connection(overview))
            _print_state(overview.state)
            if overview.notes.number:
                print(f"    {overview.notes.number:,} notes refused, the latest: {overview.notes.why}")


def describe_connection(overview: "ConnectionOverview") -> str:
    """In a line: its name, company and kind, and how it stands."""
    system = overview.system
    said = f"{system.key.system}: {system.kind}, company {system.key.company}: {overview.standing.value.replace('_', ' ')}"
    if overview.why:
        said += f": {overview.why}"
    return said + (f"; {overview.webhooks.forged:,} forged calls of its webhook" if overview.webhooks.forged else "")


def _print_state(state: "ConnectionState") -> None:
    if state.away_since is not None and state.next_try_at is not None:
        print(f"    away since {_say(state.away_since)}, to be tried at {_say(state.next_try_at)}")
    if state.rest is not None:
        print(f"    asks to be left alone until {_say(state.rest.until)}: {state.rest.reason}")
    read = f"{state.invoices_read:,} invoices read, {state.invoices_changed:,} of them changed"
    print(f"    {read}, to the end at {_say(state.caught_up_at)}" if state.caught_up_at else f"    {read}, not yet to the end")
    if state.compared_at is not None:
        found = f"{state.compared_items:,} open items there, {len(state.differences):,} differences"
        print(f"    compared at {_say(state.compared_at)}: {found}")
        _print_differences(state.differences)
        _print_check(state.balances)


def _print_differences(differences: "Sequence[Difference]") -> None:
    for each in differences:
        print(f"    {each.kind}: {each.number or each.id}: here {each.here}, there {each.there} {each.currency}")


def _print_check(check: "BalanceCheck | None") -> None:
    if check is not None and check.differing:
        named, so = ", ".join(check.differing[:5]), "they are left out" if check.is_trusted else "it is computed here"
        print(f"    of {check.checked:,} balances looked at, {len(check.differing):,} do not count what is applied ({named}); {so}")


def _say(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@billing_app.command("test")
def try_connections(name: Name = None, data_dir: DataDir = None) -> None:
    """Say step by step what works, what is missing, and what to ask whoever runs the system for."""
    from adapters.connections.connection_runs import ConnectionRuns

    works = True
    with opened_systems(data_dir) as (database, systems):
        for system in _find(systems, name):
            steps = ConnectionRuns(database).test(system, get_caller_name())
            works &= print_steps(system.key.system, steps)
    if not works:
        raise typer.Exit(DIFFERENT_STATUS)


def print_steps(name: str, steps: "tuple[ConnectionStep, ...]") -> bool:
    """Whether all of them work."""
    for step in steps:
        said = "DOES NOT WORK" if not step.works else "works" if step.is_tried else "not tried"
        print(f"{name}: {step.name}: {said}: {step.found}")
        if step.ask_for and not (step.works and step.is_tried):
            print(f"    ask for {step.ask_for}")
    return all(step.works for step in steps)


@billing_app.command("sync")
def read_systems(name: Name = None, data_dir: DataDir = None) -> None:
    """Read what has changed, now. A running Duecourse does so every minute by itself, and tells the cases what came."""
    from adapters.billing.errors import BillingAwayError
    from domain.errors import UserError

    is_away = False
    with opened_systems(data_dir) as (_, systems):
        for system in _find(systems, name):
            if system.switched_off_at is not None:
                print(f"{system.key.system}: switched off")
                continue
            try:
                result = system.sync.sync(on_page=_Progress(system.key.system).show_page)
            except (BillingAwayError, UserError) as error:
                is_away = _tell_away(system.key.system, error)
                continue
            print(f"{system.key.system}: {result.read:,} invoices read, {result.changed:,} changed")
            print(f"    {result.credits_changed:,} credits changed")
            if result.credits_refused is not None:
                print(f"    what customers have unapplied is not shown: {result.credits_refused}")
            if result.accounts_changed:
                print(f"    {result.accounts_changed:,} customers changed")
            for left_out in result.left_out:
                print(f"    left out: {left_out.external_id}: {left_out.reason}")
    if is_away:
        raise typer.Exit(AWAY_STATUS)


class _Progress:
    """What was read so far, every few seconds: on the error output, so that what is read of the command stays the result."""

    def __init__(self, name: str) -> None:
        self._name, self._read, self._shown_at = name, 0, time.monotonic()

    def show_page(self, page: "PageResult") -> None:
        self._read += page.read
        if page.has_more and time.monotonic() - self._shown_at >= PROGRESS_SECONDS:
            self._shown_at = time.monotonic()
            print(f"{self._name}: {self._read:,} invoices read so far", file=sys.stderr, flush=True)


def _tell_away(name: str, error: Exception) -> bool:
    """It holds up no other; what was read of it stays, and is read on from. It may also be there, and not let Duecourse in."""
    from domain.errors import UserError

    print(f"{name}: {'NOT READ' if isinstance(error, UserError) else 'AWAY'}: {error}")
    return True


@billing_app.command("compare")
def compare_systems(name: Name = None, data_dir: DataDir = None) -> None:
    """Compare all that is open there with what is open here, and name every difference. What was found is kept, and shown by `list` and in
    the console; nothing else is changed."""
    from adapters.billing.errors import BillingAwayError
    from adapters.connections.connection_runs import ConnectionRuns
    from domain.errors import UserError

    differs = is_away = is_partial = False
    with opened_systems(data_dir) as (database, systems):
        runs = ConnectionRuns(database)
        for system in _find(systems, name):
            if system.switched_off_at is not None:
                continue
            try:
                comparison = runs.compare(system, get_caller_name(), raises=True)
            except (BillingAwayError, UserError) as error:
                is_away = _tell_away(system.key.system, error)
                continue
            assert comparison is not None
            differs |= bool(comparison.differences)
            is_partial |= not comparison.compared_credits
            print(f"{system.key.system}: {comparison.compared:,} open items there, {len(comparison.differences):,} differences")
            _print_differences(comparison.differences)
            _print_check(comparison.balances)
            if not comparison.compared_credits:
                print(
                    "    NOT COMPARED: what customers have unapplied, for the system refuses to list it; `duecourse billing test` says why"
                )
    if differs or is_away or is_partial:
        raise typer.Exit(DIFFERENT_STATUS if differs else AWAY_STATUS)


@billing_app.command("gone")
def take_gone(
    name: Annotated[str, typer.Argument(help="The connection's name.")],
    count: Annotated[int | None, typer.Option("--count", help="How many are listed, and gone. Without it nothing is done.")] = None,
    data_dir: DataDir = None,
) -> None:
    """List the invoices that the last comparison did not find there; with --count, say that they are gone. Each is read again first, and
    only what is still not shown is cancelled here. Ends with 3 where some could not be read."""
    from adapters.connections.difference_store import list_open_differences
    from adapters.connections.oversight.decided_absences import collect_missing, take_decided_gone
    from adapters.database.row_states import IdentityChannel
    from adapters.identity.identity_events import ChangeAuthor

    is_partial = False
    with opened_systems(data_dir) as (database, systems):
        for system in _find(systems, name):
            if count is None:
                missing = collect_missing(list_open_differences(database, system.key))
                _print_differences(missing.differences)
                sums = ", ".join(f"{amount} {currency}" for currency, amount in missing.sums.items())
                said = f"{len(missing.differences):,} invoices were not found there" + (f"; open here: {sums}" if sums else "")
                print(f"{system.key.system}: {said}" + ("; say --count with this number where they are gone" if sums else ""))
                continue
            by = ChangeAuthor(get_caller_name(), IdentityChannel.COMMAND_LINE)
            decided = take_decided_gone(database, system, count, by, datetime.now(UTC))
            is_partial |= bool(decided.unread)
            said = f"{len(decided.gone):,} are gone, {len(decided.shown):,} are there after all, {len(decided.unread):,} could not be read"
            print(f"{system.key.system}: {said}")
    if is_partial:
        raise typer.Exit(DIFFERENT_STATUS)


@billing_app.command("retry-notes")
def retry_notes(name: Annotated[str, typer.Argument(help="The connection's name.")], data_dir: DataDir = None) -> None:
    """Leave the notes once more that the system refused, once what it says is put right there. A running Duecourse does so within a
    minute."""
    from adapters.connections.notes.refused_notes import retry_refused_notes

    with opened_systems(data_dir) as (database, systems):
        for system in _find(systems, name):
            print(f"{system.key.system}: {retry_refused_notes(database, system.key):,} notes are tried again")
