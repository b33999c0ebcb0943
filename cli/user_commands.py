"""The commands about who may sign in: `duecourse token | sign-in`, `duecourse user add | list | remove-role | password-link | …`."""

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from adapters.config.settings import Settings, SettingsError
from adapters.i18n.languages import Language
from cli.options import DataDir, get_caller_name, load_existing_settings, opened_database
from domain.roles import Role

if TYPE_CHECKING:
    from adapters.database.engine import Database
    from adapters.identity.identity_events import ChangeAuthor
    from adapters.identity.users_and_tokens import IdentityStore

user_app = typer.Typer(no_args_is_help=True, help="Who may sign in.")

TOKEN_DAYS = 90
"""For so long a token is good unless another number of days is given."""
LONGEST_TOKEN_DAYS = 3_650


def make_token(
    role: Annotated[Role | None, typer.Argument(help="As what the user acts.")] = None,
    user: Annotated[str | None, typer.Option(help="Who will use it.")] = None,
    days: Annotated[float, typer.Option(min=0, max=LONGEST_TOKEN_DAYS, help="Expires after so many days.")] = TOKEN_DAYS,
    revoke: Annotated[str | None, typer.Option(metavar="TOKEN", help="End this token instead.")] = None,
    revoke_all: Annotated[str | None, typer.Option(metavar="USER", help="End every token of a user instead.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a bearer token. It is shown once; only its hash is kept. When it expires is said on standard error."""
    with opened_database(load_existing_settings(data_dir)) as database:
        identity = _create_identity_store(database)
        if revoke is not None:
            print("revoked" if identity.revoke_token(revoke, _get_author()) else "no such token, or revoked before")
        elif revoke_all is not None:
            print(f"revoked {identity.revoke_user_tokens(revoke_all, _get_author())}")
        elif role is None or user is None:
            raise SettingsError("say for whom, and as what: duecourse token collector --user anna.brandt")
        else:
            print(identity.issue_token(user, role, days, _get_author()))
            expires = datetime.now(UTC) + timedelta(days=days)
            print(f"expires on {expires:%Y-%m-%d at %H:%M} UTC; --days gives it another time", file=sys.stderr)


def make_sign_in_link(user: str = "admin", role: Role = Role.ADMIN, data_dir: DataDir = None) -> None:
    """A link that signs in to the running console: good once, and for ten minutes."""
    settings = load_existing_settings(data_dir)
    address = _find_console_address(settings)
    with opened_database(settings) as database:
        print(f"{address}/sign-in?code={_create_identity_store(database).issue_sign_in_code(user, role)}")


@user_app.command("add")
def add_user(
    name: str,
    role: Role,
    email: str = "",
    full_name: str = "",
    phone: str = "",
    language: Annotated[Language | None, typer.Option(help="in which messages to the user are written")] = None,
    data_dir: DataDir = None,
) -> None:
    """A user, or one more role for one. Customers answer to a collector's e-mail address and phone number."""
    with opened_database(load_existing_settings(data_dir)) as database:
        _create_identity_store(database).add_user(name, role, email, full_name, phone, language or "", _get_author())
    print(f"{name} is {role}")


@user_app.command("list")
def list_users(data_dir: DataDir = None) -> None:
    """Every user, with the roles and how many tokens are good."""
    table = Table("user", "name", "e-mail", "roles", "active", "tokens")
    with opened_database(load_existing_settings(data_dir)) as database:
        for user in _create_identity_store(database).list_users():
            roles = ", ".join(user.roles)
            table.add_row(user.name, user.full_name, user.email, roles, "yes" if user.active else "no", str(user.tokens))
    Console().print(table)


@user_app.command("remove-role")
def remove_role(name: str, role: Role, data_dir: DataDir = None) -> None:
    """Take a role from a user. The tokens with which the user acted in it end; the other roles stay."""
    with opened_database(load_existing_settings(data_dir)) as database:
        left = _create_identity_store(database).remove_role(name, role, _get_author())
    print(f"{name} is {', '.join(left)}" if left else f"{name} has no role any more, and can do nothing")


@user_app.command("password-link")
def make_password_link(name: str, data_dir: DataDir = None) -> None:
    """A link with which a user chooses a password at the running console: good once, and for a day."""
    from adapters.identity.passwords import PasswordStore

    settings = load_existing_settings(data_dir)
    address = _find_console_address(settings)
    with opened_database(settings) as database:
        print(f"{address}/password?code={PasswordStore(database).make_link_code(name, _get_author())}")


@user_app.command("deactivate")
def deactivate_user(name: str, data_dir: DataDir = None) -> None:
    """Let a user sign in no more. Every token of the user ends; `user add` makes the user active again."""
    with opened_database(load_existing_settings(data_dir)) as database:
        _create_identity_store(database).deactivate_user(name, _get_author())
    print(f"{name} can sign in no more")


def _find_console_address(settings: "Settings") -> str:
    """Without a slash at its end. Raises SettingsError where no console runs."""
    from adapters.process.instance_lock import find_running_instance

    running = find_running_instance(settings.data_dir)
    address = settings.console_url or (running.url if running else None)
    if address is None:
        raise SettingsError(
            f"no console runs on {settings.data_dir}; start it with `duecourse up`, or name the address of `duecourse api` in "
            "DUECOURSE_CONSOLE_URL"
        )
    return address.rstrip("/")


def _get_author() -> "ChangeAuthor":
    from adapters.database.row_states import IdentityChannel
    from adapters.identity.identity_events import ChangeAuthor

    return ChangeAuthor(get_caller_name(), IdentityChannel.COMMAND_LINE)


def _create_identity_store(database: "Database") -> "IdentityStore":
    from adapters.identity.users_and_tokens import IdentityStore

    return IdentityStore(database)
