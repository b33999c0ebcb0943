"""The billing systems that are connected by `connections.yaml` in the data folder. No secret stands in it, but where each is kept."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.billing.external_key import ExternalKeyError
from adapters.config.settings import Settings
from adapters.connections.connection_description import ConnectionDescription, ConnectionFileError
from adapters.connections.connection_kinds import CONNECTION_KINDS
from adapters.text_files import read_text_file
from domain.yaml_document import LONGEST_TEXT

FILE_NAME = "connections.yaml"


class _ConnectionFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    connections: list[dict[str, Any]]


class InvalidConnectionError(ConnectionFileError):
    """A description of a connection that cannot be used; `faults` by field."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in faults.items()))
        self.faults = faults


def read_connection(described: dict[str, Any], data_dir: Path | None = None) -> ConnectionDescription:
    """`data_dir`: below which its files lie. Raises InvalidConnectionError, which names each field that is wrong and repeats no value."""
    kind = CONNECTION_KINDS.get(str(described.get("kind", "")))
    if kind is None:
        raise InvalidConnectionError({"kind": f"write one of {', '.join(CONNECTION_KINDS)}"})
    try:
        connection = kind.model_validate(described)
        connection.key  # noqa: B018
    except ValidationError as error:
        faults = {".".join(str(part) for part in fault["loc"]): str(fault["msg"]).removeprefix("Value error, ") for fault in error.errors()}
        raise InvalidConnectionError(faults) from error
    except ExternalKeyError as error:
        raise InvalidConnectionError({"name": str(error)}) from error
    return connection.within(data_dir)


def load_connections(settings: Settings) -> tuple[ConnectionDescription, ...]:
    """None where there is no such file. Raises ConnectionFileError."""
    file = settings.data_dir / FILE_NAME
    if not file.exists():
        return ()
    text = read_text_file(file, ConnectionFileError)
    if len(text) > LONGEST_TEXT:
        raise ConnectionFileError(f"{file}: has {len(text):,} characters; at most {LONGEST_TEXT:,} are read")
    try:
        described = _ConnectionFile.model_validate(yaml.safe_load(text)).connections
    except (yaml.YAMLError, RecursionError) as error:
        raise ConnectionFileError(f"{file} is not YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise ConnectionFileError(f"{file}: {faults}") from error
    found = []
    for number, each in enumerate(described):
        try:
            found.append(read_connection(each, settings.data_dir))
        except InvalidConnectionError as error:
            raise ConnectionFileError(f"{file}: connections.{number}: {error}") from error
    keys = [connection.key for connection in found]
    if len(set(keys)) < len(keys):
        raise ConnectionFileError(f"{file}: two connections have one name and company; give each its own name")
    return tuple(found)
