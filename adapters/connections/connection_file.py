"""The billing systems that are connected: `connections.yaml` in the data folder. No secret stands in it, but where each is kept."""

import os
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from adapters.billing.connector import BillingConnector
from adapters.billing.external_key import ExternalKeyError, SystemKey
from adapters.config.settings import Settings, SettingsError
from adapters.connections.account_mirror import AccountDefaults
from adapters.i18n.languages import LANGUAGES
from adapters.text_files import read_text_file
from adapters.time_zones import is_time_zone
from adapters.tryton.tryton_api import TrytonSettings
from adapters.tryton.tryton_connector import TrytonConnector
from domain.yaml_document import LONGEST_TEXT

FILE_NAME = "connections.yaml"
_OTHERS = 0o077
"""Whoever else than the owner could read or write a file of this mode."""


class ConnectionFileError(SettingsError):
    """A file of connections that cannot be used, or a secret that is missing; says which and what to do."""


def _require_time_zone(name: str) -> str:
    if not is_time_zone(name):
        raise ValueError(f"{name!r} is no time zone; write for example Europe/Berlin")
    return name


def _require_language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"{code!r} is no language of letters; write one of {', '.join(LANGUAGES)}")
    return code


class TrytonConnection(BaseModel):
    """`address` with the database at its end. `api_key_file`: a file that its owner alone may read; without it, the key is in the
    environment, as DUECOURSE_BILLING_KEY_NAME. `country`, `time_zone` and `language` are those of customers of whom the system says
    none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["tryton"]
    address: str = Field(pattern=r"^https?://[^\s/]+/[^\s]+$")
    company: int = Field(1, ge=1)
    api_key_file: Path | None = None
    write_off_method: str | None = None
    country: str = Field(pattern=r"^[A-Z]{2}$")
    time_zone: Annotated[str, AfterValidator(_require_time_zone)]
    language: Annotated[str, AfterValidator(_require_language)]

    @property
    def key(self) -> SystemKey:
        """Raises ExternalKeyError."""
        return SystemKey.build(self.name, str(self.company))

    @property
    def defaults(self) -> AccountDefaults:
        return AccountDefaults(self.country, self.time_zone, self.language)

    def open(self) -> BillingConnector:
        """Raises ConnectionFileError."""
        settings = TrytonSettings(self.address, _read_secret(self.name, self.api_key_file), self.company)
        return TrytonConnector(self.name, settings, self.write_off_method)


class _ConnectionFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    connections: list[TrytonConnection]


def load_connections(settings: Settings) -> tuple[TrytonConnection, ...]:
    """None where there is no such file. Raises ConnectionFileError."""
    file = settings.data_dir / FILE_NAME
    if not file.exists():
        return ()
    text = read_text_file(file, ConnectionFileError)
    if len(text) > LONGEST_TEXT:
        raise ConnectionFileError(f"{file}: has {len(text):,} characters; at most {LONGEST_TEXT:,} are read")
    try:
        found = _ConnectionFile.model_validate(yaml.safe_load(text)).connections
        keys = [connection.key for connection in found]
    except (yaml.YAMLError, RecursionError) as error:
        raise ConnectionFileError(f"{file} is not YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise ConnectionFileError(f"{file}: {faults}") from error
    except ExternalKeyError as error:
        raise ConnectionFileError(f"{file}: {error}") from error
    if len(set(keys)) < len(keys):
        raise ConnectionFileError(f"{file}: two connections have one name and company; give each its own name")
    return tuple(found)


def _read_secret(name: str, file: Path | None) -> str:
    if file is None:
        variable = f"DUECOURSE_BILLING_KEY_{name.upper().replace('-', '_')}"
        if not (secret := os.environ.get(variable, "").strip()):
            raise ConnectionFileError(f"the key of {name!r} is missing: set {variable}, or name an api_key_file")
        return secret
    if not file.is_file():
        raise ConnectionFileError(f"the key of {name!r} is missing: there is no file {file}")
    if file.stat().st_mode & _OTHERS:
        raise ConnectionFileError(f"others may read {file}, which has the key of {name!r}: `chmod 600 {file}`")
    return read_text_file(file, ConnectionFileError).strip()
