"""The commands of the brake: letters are stopped and let go again, accounts are released, and what is held back is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
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


def preview_letters(
    days: Annotated[int, typer.Option(min=1, max=20, help="So many business days, today included.")] = 5,
    account: Annotated[str | None, typer.Option(help="Only this account, each letter with its text.")] = None,
    collector: Annotated[str | None, typer.Option(help="Only the accounts of this collector.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Each letter with its text.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show who would get what and when in the next business days. Nothing goes, and nothing is written."""
    from adapters.composition import compose_services
    from adapters.i18n.languages import DEFAULT_LANGUAGE
    from adapters.i18n.shared_wording import SHARED_WORDING
    from adapters.preview.letter_preview import LetterPreview, PreviewServices

    settings = load_existing_settings(data_dir)
    with opened_database(settings) as database:
        parts = compose_services(settings, database)
        services = PreviewServices(
            parts.billing, parts.letters, parts.company, settings.sender, settings.reply_domain, settings.policies_dir
        )
        now = parts.clock.to_business(datetime.now(UTC))
        ahead = LetterPreview(database, services, parts.clock).look_ahead(now, days, account, collector)
    table = Table("day", "account", "name", "to", "letter", "invoices", "asks for", "held back")
    for each in ahead.letters:
        row, brake = each.letter, each.brake
        amount = SHARED_WORDING.load(DEFAULT_LANGUAGE).format_money(row.asked_for, row.currency) if row.asked_for is not None else ""
        held = "" if brake is None else "for release" if brake.awaits_release else "billing not read" if brake.unread_system else "stopped"
        invoices = str(len(row.lines))
        table.add_row(each.on.isoformat(), row.account_id, escape(row.account_name), row.recipient, row.letter, invoices, amount, held)
    if ahead.letters:
        create_console().print(table)
    for each in ahead.letters if text or account else ():
        print(f"\n{each.on}  {each.letter.recipient}\n{each.mail.subject}\n\n{each.mail.text}")
    for task in ahead.hindered:
        print(f"cannot go: {task.account_id} ({task.account_name}): {task.kind.replace('_', ' ')}")
    print(f"{len(ahead.letters):,} letters until {ahead.until}, if nothing else happens; none has gone")
    if ahead.has_more:
        print(f"only the first {ahead.accounts:,} accounts were looked at; name a --collector or an --account for others")


@contextmanager
def _opened_for_braking(data_dir: Path | None) -> "Iterator[tuple[Database, BrakeContext]]":
    """Open a data folder that exists, with who acts on it and when."""
    from adapters.correspondence.letter_stop_store import BrakeContext

    with opened_database(load_existing_settings(data_dir)) as database:
        now = datetime.now(UTC)
        at = load_business_clock(database).to_business(now)
        yield database, BrakeContext(f"command:{token_hex(16)}", get_caller_name(), at, now)
