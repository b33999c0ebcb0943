"""`duecourse billing add | rotate | rotate-webhook | switch-off | switch-on | new-key`: connections and their secrets.

No secret is taken as an argument, for arguments are seen by everybody on the machine: it is read from a file, from standard input, from the
environment, or asked for without showing it.
"""

import os
import secrets as random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapters.config.settings import SettingsError
from cli.billing_commands import opened_systems, print_steps
from cli.options import DataDir, get_caller_name, load_existing_settings

if TYPE_CHECKING:
    from adapters.connections.connection_admin import ConnectionAdmin
    from adapters.database.engine import Database
    from adapters.identity.identity_events import ChangeAuthor

Options = Annotated[list[str] | None, typer.Option("--option", "-o", metavar="FIELD=VALUE", help="What describes it; may be repeated.")]
SecretFiles = Annotated[
    list[str] | None,
    typer.Option("--secret-file", metavar="[SECRET=]FILE", help="A file with a secret; - reads standard input. Asked for when left out."),
]
Untested = Annotated[bool, typer.Option("--untested", help="Keep it without trying it first, as when the system is away.")]
STANDARD_INPUT = "-"


def register_connection_commands(app: typer.Typer) -> None:
    app.command("add")(add_connection)
    app.command("rotate")(rotate_secret)
    app.command("rotate-webhook")(rotate_webhook_secret)
    app.command("switch-off")(switch_off)
    app.command("switch-on")(switch_on)
    app.command("new-key")(begin_new_key)


@contextmanager
def _opened_admin(data_dir: Path | None) -> Iterator[tuple["Database", "ConnectionAdmin"]]:
    from adapters.connections.connection_admin import ConnectionAdmin

    with opened_systems(data_dir) as (database, systems):
        yield database, ConnectionAdmin(database, load_existing_settings(data_dir), systems)


def _build_author() -> "ChangeAuthor":
    from adapters.database.row_states import IdentityChannel
    from adapters.identity.identity_events import ChangeAuthor

    return ChangeAuthor(get_caller_name(), IdentityChannel.COMMAND_LINE)


def add_connection(
    name: Annotated[str, typer.Argument(help="Names it for good: it is part of the ids of its invoices.")],
    kind: Annotated[str, typer.Option(help="Of which kind the system is, such as tryton.")],
    option: Options = None,
    secret_file: SecretFiles = None,
    untested: Untested = False,
    data_dir: DataDir = None,
) -> None:
    """Connect a billing system. Its secret is tried, encrypted, and never shown again; a running Duecourse reads it within a minute."""
    from adapters.connections.connection_file import read_connection
    from adapters.connections.connection_runs import ConnectionRuns

    described = {"name": name, "kind": kind, **_parse_options(option or ())}
    connection = read_connection(described, load_existing_settings(data_dir).data_dir)
    given = _read_secrets(connection.secret_names, secret_file or ())
    with _opened_admin(data_dir) as (database, admin):
        steps = admin.add(connection, given, _build_author(), is_tried=not untested)
        if steps:
            ConnectionRuns(database).keep_test(connection.key, steps, get_caller_name())
    print_steps(name, steps)
    print(f"{name} is connected; `duecourse billing sync {name}` reads it now")


def rotate_secret(
    name: Annotated[str, typer.Argument(help="The connection's name.")],
    secret: Annotated[str | None, typer.Option(help="Which of its secrets, where it has several.")] = None,
    secret_file: SecretFiles = None,
    untested: Untested = False,
    data_dir: DataDir = None,
) -> None:
    """Give a connection another secret. The new one is tried first; until it works, the one before stays."""
    from adapters.connections.connection_store import ConnectionStore

    with _opened_admin(data_dir) as (database, admin):
        names = ConnectionStore(database).get(name).read(load_existing_settings(data_dir).data_dir).secret_names
        if not names:
            raise SettingsError(f"{name} has no secret: its system lets everybody in")
        chosen = secret or names[0]
        if len(names) > 1 and secret is None:
            raise SettingsError(f"{name} has several secrets: {', '.join(names)}; say which one, as --secret {names[0]}")
        given = _read_secrets((chosen,), secret_file or ())
        steps = admin.change_secret(name, chosen, given[chosen], _build_author(), is_tried=not untested)
    print_steps(name, steps)
    print(f"{name} has another {chosen}")


def rotate_webhook_secret(
    name: Annotated[str, typer.Argument(help="The connection's name.")],
    secret_file: SecretFiles = None,
    overlap_days: Annotated[int, typer.Option(min=0, max=90, help="For so many days the one before stays good.")] = 7,
    data_dir: DataDir = None,
) -> None:
    """Give a connection's webhook another secret: the one that the system made or, where it signs nothing, one that is made now and shown
    once, as the address to enter there."""
    from adapters.connections.connection_description import WEBHOOK_SECRET, WebhookProof
    from adapters.connections.connection_store import ConnectionStore

    with _opened_admin(data_dir) as (database, admin):
        proof = ConnectionStore(database).get(name).read().webhook_proof
        if proof is WebhookProof.NONE:
            raise SettingsError(f"the system of {name} calls nobody: its changes are read every minute")
        made = random.token_urlsafe(32) if proof is WebhookProof.SHARED else None
        value = made or _read_secrets((WEBHOOK_SECRET,), secret_file or ())[WEBHOOK_SECRET]
        until = admin.change_webhook_secret(name, value, _build_author(), timedelta(days=overlap_days))
    if made:
        print(f"{load_existing_settings(data_dir).console_address}/v1/webhooks/{name}/{made}")
    if until:
        print(f"the secret before stays good until {until:%Y-%m-%d %H:%M} UTC", file=sys.stderr)


def switch_off(name: str, data_dir: DataDir = None) -> None:
    """Read a connection no more, and book nothing there: what is decided becomes a task for a person."""
    with _opened_admin(data_dir) as (_, admin):
        admin.switch(name, off=True, by=_build_author())
    print(f"{name} is switched off")


def switch_on(name: str, data_dir: DataDir = None) -> None:
    """Read a connection again from where it was left."""
    with _opened_admin(data_dir) as (_, admin):
        admin.switch(name, off=False, by=_build_author())
    print(f"{name} is switched on")


def begin_new_key(data_dir: DataDir = None) -> None:
    """Encrypt the connections' secrets under a new key: one that is made in the data folder, before those that are there; or the first one
    of DUECOURSE_SECRETS_KEY. Ends with 1 where a secret could not be read."""
    with _opened_admin(data_dir) as (_, admin):
        file, done, failed = admin.begin_new_key(_build_author())
    if file:
        print(f"a new key stands first in {file}; the ones below it can be taken out when every backup that needs them is gone")
    for name in done:
        print(f"{name}: encrypted anew")
    for name, why in failed.items():
        print(f"{name}: {why}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def _parse_options(given: Iterable[str]) -> dict[str, Any]:
    """Raises SettingsError."""
    from adapters.connections.connection_description import read_option

    parsed: dict[str, Any] = {}
    for each in given:
        field, equals, value = each.partition("=")
        if not equals:
            raise SettingsError(f"write an option as FIELD=VALUE, such as country=DE; this is {field!r}")
        parsed[field] = read_option(value)
    return parsed


def _read_secrets(names: tuple[str, ...], files: Sequence[str]) -> Mapping[str, str]:
    """By name: from the file that is given, else from the environment, else asked for. Raises SettingsError, which shows none."""
    if files and not names:
        raise SettingsError("this system has no secret: it lets everybody in; leave out --secret-file")
    given = dict(_split_file(each, names[0]) for each in files)
    if unknown := given.keys() - set(names):
        raise SettingsError(f"there is no secret {', '.join(sorted(unknown))}; there is {', '.join(names)}")
    return {name: _read_secret(name, given.get(name)) for name in names}


def _split_file(given: str, first: str) -> tuple[str, str]:
    name, equals, file = given.partition("=")
    return (name, file) if equals else (first, given)


def _read_secret(name: str, file: str | None) -> str:
    variable = f"DUECOURSE_BILLING_{name.upper()}"
    if file == STANDARD_INPUT:
        return sys.stdin.read().strip()
    if file is not None:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file} cannot be read: {type(error).__name__}; name a text file with the secret alone") from error
    if found := os.environ.get(variable, "").strip():
        return found
    if not sys.stdin.isatty():
        raise SettingsError(f"the secret {name} is missing: name a file by --secret-file {name}=FILE, or set {variable}")
    return str(typer.prompt(name.replace("_", " "), hide_input=True)).strip()
