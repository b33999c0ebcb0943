"""What a connection is described by: one class for each kind of billing system, in `CONNECTION_KINDS`. No secret stands in it.

The fields of a kind are what the file, the command line, the API and the console ask for; those that name the file of a secret are for the
file alone.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr
from pydantic.fields import FieldInfo

from adapters.billing.connector import BillingConnector
from adapters.billing.external_key import SystemKey
from adapters.config.settings import SettingsError
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.secret_box import OTHERS
from adapters.i18n.languages import LANGUAGES
from adapters.killbill.killbill_api import KillBillSettings
from adapters.killbill.killbill_connector import KillBillConnector
from adapters.plain_http.api_access import open_api
from adapters.plain_http.api_description import ApiDescriptionError, load_description
from adapters.plain_http.plain_connector import PlainHttpConnector
from adapters.text_files import read_text_file
from adapters.time_zones import is_time_zone
from adapters.tryton.tryton_api import TrytonSettings
from adapters.tryton.tryton_connector import TrytonConnector

FILE_FIELDS = ("_file", "_files")
"""How a field ends that names the file of a secret."""
API_KEY, WEBHOOK_SECRET = "api_key", "webhook_secret"


class ConnectionFileError(SettingsError):
    """A file of connections that cannot be used, or a secret that is missing; says which and what to do."""


class WebhookProof(StrEnum):
    """How a system's webhook shows that it is the system's. NONE: it calls nobody. SIGNED: it signs what it sends, with a secret that it
    made. SHARED: it signs nothing, and is called by an address that has a secret which Duecourse made."""

    NONE = "none"
    SIGNED = "signed"
    SHARED = "shared"


class OpenSecrets(NamedTuple):
    """A connection's secrets in the clear, for as long as its connector is built. `webhook`: those that are good now, the newest first."""

    values: Mapping[str, str]
    webhook: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "OpenSecrets(***)"


def _require_time_zone(name: str) -> str:
    if not is_time_zone(name):
        raise ValueError(f"{name!r} is no time zone; write for example Europe/Berlin")
    return name


def _require_language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"{code!r} is no language of letters; write one of {', '.join(LANGUAGES)}")
    return code


def _require_whole_path(text: str) -> str:
    if not Path(text).is_absolute():
        raise ValueError(f"{text!r} is no whole path; write one such as /etc/duecourse/billing.yaml")
    return text


class ConnectionDescription(BaseModel):
    """What all kinds have. `api_key_file`: a file that its owner alone may read; without it, the key is in the environment, as
    DUECOURSE_BILLING_KEY_NAME. `country`, `time_zone` and `language` are those of customers of whom the system says none. `usual_secrets`
    names what is asked for beside the fields; it is empty where that depends on them: `secret_names` says it then. `long_secrets`: those of
    several lines, such as a private key."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    usual_secrets: ClassVar[tuple[str, ...]] = (API_KEY,)
    long_secrets: ClassVar[frozenset[str]] = frozenset()
    webhook_proof: ClassVar[WebhookProof] = WebhookProof.NONE
    _kept: OpenSecrets | None = PrivateAttr(default=None)

    name: str
    kind: str
    api_key_file: Path | None = None
    country: str = Field(pattern=r"^[A-Z]{2}$")
    time_zone: Annotated[str, AfterValidator(_require_time_zone)]
    language: Annotated[str, AfterValidator(_require_language)]

    @property
    def key(self) -> SystemKey:
        """Raises ExternalKeyError."""
        raise NotImplementedError

    @property
    def defaults(self) -> AccountDefaults:
        return AccountDefaults(self.country, self.time_zone, self.language)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """What must be kept encrypted, or stand in a file or in the environment."""
        return self.usual_secrets

    def open(self) -> BillingConnector:
        """Raises ConnectionFileError."""
        raise NotImplementedError

    def with_secrets(self, kept: OpenSecrets) -> Self:
        """Return the same, to be opened with these secrets instead of those of files and the environment."""
        copy = self.model_copy()
        copy._kept = kept
        return copy

    def read_key(self) -> str:
        """Raises ConnectionFileError."""
        return self.read_secret(API_KEY)

    def read_secret(self, secret: str) -> str:
        """Raises ConnectionFileError."""
        found = self._kept.values.get(secret, "") if self._kept else self._find_secret(secret)
        if fault := self.find_secret_fault(secret, found):
            raise ConnectionFileError(f"{self.name!r}: {fault}")
        return found

    def read_webhook_secrets(self) -> tuple[str, ...]:
        """Those that are good now; in a file or the environment with a space or a line break between them. Raises ConnectionFileError."""
        if self._kept is not None:
            return self._kept.webhook
        return () if self.webhook_proof is WebhookProof.NONE else tuple(self._find_secret(WEBHOOK_SECRET, "").split())

    def find_secret_fault(self, secret: str, value: str) -> str | None:
        """Find out why a value cannot be the secret; what is found does not repeat it."""
        if secret not in self.secret_names:
            return f"{self.kind} has no secret {secret!r}; it has {', '.join(self.secret_names)}"
        if not value.strip():
            return f"the secret {secret} is empty"
        if not all(sign.isprintable() or (sign in "\r\n" and secret in self.long_secrets) for sign in value.strip()):
            return f"the secret {secret} has a line break or a control character in it; copy it again, whole and alone"
        return None

    def _find_secret(self, secret: str, missing: str | None = None) -> str:
        file: Path | None = getattr(self, f"{secret}_file", None) or getattr(self, "secret_files", {}).get(secret)
        if file is None:
            variable = _name_variable(self.name, secret)
            found = os.environ.get(variable, "").strip() or missing
            if found is None:
                where = f"set {variable}, or name an {secret}_file; or add the connection by `duecourse billing add`"
                raise ConnectionFileError(f"the key of {self.name!r} is missing: {where}")
            return found
        if not file.is_file():
            raise ConnectionFileError(f"the key of {self.name!r} is missing: there is no file {file}")
        if file.stat().st_mode & OTHERS:
            raise ConnectionFileError(f"others may read {file}, which has the key of {self.name!r}: `chmod 600 {file}`")
        return read_text_file(file, ConnectionFileError).strip()


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
    """`address`: the API's, to which the paths of its description are added. `description`: the file with it, by its whole path.
    `secret_files`: by the names that the description has, files that their owner alone may read."""

    kind: Literal["plain_http"]
    address: str = Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")
    company: str = "1"
    description: Annotated[str, AfterValidator(_require_whole_path)]
    secret_files: dict[str, Path] = {}

    @property
    def key(self) -> SystemKey:
        """Raises ExternalKeyError."""
        return SystemKey.build(self.name, self.company)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """What the description names; the usual ones, where it cannot be read."""
        try:
            return tuple(dict.fromkeys(load_description(Path(self.description)).sign_in.list_secrets()))
        except ApiDescriptionError:
            return self.usual_secrets

    def open(self) -> BillingConnector:
        """Raises ConnectionFileError."""
        try:
            description = load_description(Path(self.description))
        except ApiDescriptionError as error:
            raise ConnectionFileError(str(error)) from error
        secrets = {secret: self.read_secret(secret) for secret in description.sign_in.list_secrets()}
        return PlainHttpConnector(self.key, description, open_api(description, self.address, secrets), self.time_zone)


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


def read_option(text: str) -> Any:
    """Read what a person wrote as the value of a field: a structure is YAML, anything else a text. Raises ConnectionFileError."""
    if not text.lstrip().startswith(("{", "[")) and "\n" not in text.strip():
        return text
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConnectionFileError("a field with several values is written as YAML, and this is none") from error


def _name_variable(name: str, secret: str) -> str:
    """The environment's variable with a secret: the first one of a kind has the connection's name alone."""
    own = name.upper().replace("-", "_")
    return f"DUECOURSE_BILLING_KEY_{own}" if secret == API_KEY else f"DUECOURSE_BILLING_{secret.upper()}_{own}"
