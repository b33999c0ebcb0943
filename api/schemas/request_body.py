"""What every request's body is made of."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """A misspelt key is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


def example_config(**fields: Any) -> ConfigDict:
    """The settings of a body that the API's description shows so."""
    return ConfigDict(extra="forbid", json_schema_extra={"example": fields})
