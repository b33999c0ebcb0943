"""The kinds of billing systems that can be connected: a class for each, in `CONNECTION_KINDS`.

The fields of a kind are what the file, the command line, the API and the console ask for; those that name the file of a secret are for the
file alone.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import AfterValidator, Field
from pydantic.fields import FieldInfo

from adapters.billing.connector import BillingConnector
from adapters.billing.external_key import SystemKey
from adapters.connections.connection_description import API_KEY, FILE_FIELDS, ConnectionDescription, ConnectionFileError, WebhookProof
from adapters.connections.vendor_connections import OdooConnection, SalesforceConnection, StripeConnection
from adapters.killbill.killbill_api import KillBillSettings
from adapters.killbill.killbill_connector import KillBillConnector
from adapters.plain_http.api_access import open_api
from adapters.plain_http.api_description import ApiDescription, ApiDescriptionError
from adapters.plain_http.description_folders import load_description_within
from adapters.plain_http.plain_connector import PlainHttpConnector
from adapters.tryton.tryton_api import TrytonSettings
from adapters.tryton.tryton_connector import TrytonConnector


def _require_whole_path(text: str) -> str:
    if not Path(text).is_absolute():
        raise ValueError(f"{text!r} is no whole path; write one such as /var/lib/duecourse/billing.yaml")
    return text


class TrytonConnection(ConnectionDescription):
    """`address` with the database at its end."""

    kind: Literal["tryton"]
    address: str = Field(pattern=r"^https?://[^\s/]+/[^\s]+$")
    company: int = Field(1, ge=1)
    write_off_method: str | None = None

    @property
    def key(self) -> SystemKey:
        """Raises ExternalKeyError."""
        return SystemKey.build(self.name, str(self.company))

    def open(self) -> BillingConnector:
        """Raises ConnectionFileError."""
        return TrytonConnector(self.name, TrytonSettings(self.address, self.read_key(), self.company), self.write_off_method)


class PlainHttpConnection(ConnectionDescription):
    """`address`: the API's, to which the paths of its description are added. `description`: the file with it, by its whole path,
    below the data folder.    `secret_files`: by the names that the description has, files that their owner alone may read."""

    usual_secrets = ()

    kind: Literal["plain_http"]
    address: str = Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")
    company: str = "1"
    description: Annotated[str, AfterValidator(_require_whole_path)]
    secret_files: dict[str, Path] = Field(default_factory=dict)

    @property
    def key(self) -> SystemKey:
        """Raises ExternalKeyError."""
        return SystemKey.build(self.name, self.company)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """What the description names; a key, where it cannot be read."""
        try:
            return tuple(dict.fromkeys(self._load().sign_in.list_secrets()))
        except ApiDescriptionError:
            return (API_KEY,)

    def open(self) -> BillingConnector:
        """Raises ConnectionFileError."""
        try:
            description = self._load()
        except ApiDescriptionError as error:
            raise ConnectionFileError(str(error)) from error
        secrets = {secret: self.read_secret(secret) for secret in description.sign_in.list_secrets()}
        return PlainHttpConnector(self.key, description, open_api(description, self.address, secrets), self.time_zone)

    def _load(self) -> ApiDescription:
        """Raises ApiDescriptionError."""
        return load_description_within(Path(self.description), self._data_dir)


class KillBillConnection(ConnectionDescription):
    """`address` without /1.0/kb. `terms_days`: in how many days an invoice is due, unless the account's custom field `terms_field` says
    otherwise. `reread_minutes`: how often every invoice is read again."""

    usual_secrets = ("password", API_KEY, "api_secret")
    webhook_proof = WebhookProof.SHARED

    kind: Literal["killbill"]
    address: str = Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")
    company: str = "1"
    user: str
    terms_days: int = Field(30, ge=0, le=3_650)
    terms_field: str = "net_terms"
    reread_minutes: int = Field(60, ge=0, le=10_080)
    password_file: Path | None = None
    api_secret_file: Path | None = None

    @property
    def key(self) -> SystemKey:
        """Raises ExternalKeyError."""
        return SystemKey.build(self.name, self.company)

    def open(self) -> BillingConnector:
        """Raises ConnectionFileError."""
        password, api_key, api_secret = (self.read_secret(secret) for secret in self.usual_secrets)
        settings = KillBillSettings(
            address=self.address,
            user=self.user,
            password=password,
            api_key=api_key,
            api_secret=api_secret,
            company=self.company,
            terms_days=self.terms_days,
            terms_field=self.terms_field,
            reread_minutes=self.reread_minutes,
        )
        return KillBillConnector(self.name, settings)


CONNECTION_KINDS: dict[str, type[ConnectionDescription]] = {
    "tryton": TrytonConnection,
    "killbill": KillBillConnection,
    "stripe": StripeConnection,
    "odoo": OdooConnection,
    "salesforce": SalesforceConnection,
    "plain_http": PlainHttpConnection,
}
"""Every kind of billing system that can be connected."""


class AskedField(NamedTuple):
    """A field of a kind, as whoever adds a connection is asked for it. `default`: what it is where nothing is said; `choices`: all that it
    can be, where that is known; `is_structure`: it is no single word or number, and is written as YAML."""

    name: str
    required: bool
    default: str
    choices: tuple[str, ...]
    is_flag: bool
    is_structure: bool


def list_asked_fields(kind: str) -> list[AskedField]:
    """In the order in which they are asked for: the system's own, then what all have."""
    fields = {name: field for name, field in CONNECTION_KINDS[kind].model_fields.items() if name not in ("name", "kind")}
    shared = [name for name in fields if name in ConnectionDescription.model_fields and not name.endswith(FILE_FIELDS)]
    own = [name for name in fields if name not in ConnectionDescription.model_fields and not name.endswith(FILE_FIELDS)]
    return [_ask(name, fields[name]) for name in (*own, *shared)]


def _ask(name: str, field: FieldInfo) -> AskedField:
    parts = [part for part in (get_args(field.annotation) or (field.annotation,)) if part is not type(None)]
    choices = tuple(part for part in parts if isinstance(part, str))
    is_plain = all(isinstance(part, str) or (isinstance(part, type) and issubclass(part, str | int)) for part in parts)
    return AskedField(name, field.is_required(), _write_default(field.default), choices, parts == [bool], not is_plain)


def _write_default(default: Any) -> str:
    return str(default) if isinstance(default, str | int) and not isinstance(default, bool) else ""
