"""What every description of a connection has, and where its secrets are: kept encrypted, in files, or in the environment. No secret stands
in it. The kinds of billing systems are in `connection_kinds`."""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from adapters.billing.connector import BillingConnector
from adapters.billing.external_key import SystemKey
from adapters.config.settings import SettingsError
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.secret_box import OTHERS
from adapters.i18n.languages import LANGUAGES
from adapters.text_files import read_text_file
from adapters.time_zones import is_time_zone

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
    _data_dir: Path | None = PrivateAttr(default=None)

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

    def within(self, data_dir: Path | None) -> Self:
        """Return the same, whose files lie below this data folder."""
        copy = self.model_copy()
        copy._data_dir = data_dir
        return copy

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
        try:
            mode = file.stat().st_mode if file.is_file() else None
        except OSError as error:
            raise ConnectionFileError(f"{file}, which has the key of {self.name!r}, cannot be read: {error.strerror}") from error
        if mode is None:
            raise ConnectionFileError(f"the key of {self.name!r} is missing: there is no file {file}")
        if mode & OTHERS:
            raise ConnectionFileError(f"others may read {file}, which has the key of {self.name!r}: `chmod 600 {file}`")
        return read_text_file(file, ConnectionFileError).strip()


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
