"""What every request is made of: bodies, and kinds of fields which take nothing with which nobody can count."""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from domain.clock import DAY_WANTED, FIRST_DAY, LAST_DAY, parse_iso_day

_control_pattern = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class TextBody(BaseModel):
    """Texts without control characters: no letter, page or database has a use for any but tabs and line breaks."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_control_characters(cls, value: Any) -> Any:
        waiting = [("the text", value)]
        while waiting:
            name, part = waiting.pop()
            if isinstance(part, str) and (found := _control_pattern.search(part)):
                raise ValueError(f"{name} has a control character, U+{ord(found[0]):04X}; remove it")
            if isinstance(part, dict):
                waiting += [(str(key), each) for key, each in part.items()]
            elif isinstance(part, list):
                waiting += [(name, each) for each in part]
        return value


class RequestBody(TextBody):
    """A misspelt key is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


def example_config(**fields: Any) -> ConfigDict:
    """The settings of a body that the API's description shows so."""
    return ConfigDict(extra="forbid", json_schema_extra={"example": fields})


MAX_ROW_ID = 2**63 - 1
MAX_NUMBER = 2**31 - 1


def _parse_day(value: object) -> date:
    """Raises ValueError; for a number too, which to pydantic would be seconds since 1970."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return parse_iso_day(value.isoformat())
    if not isinstance(value, str):
        raise ValueError(DAY_WANTED)
    return parse_iso_day(value)


Day = Annotated[
    date,
    BeforeValidator(_parse_day),
    WithJsonSchema({"type": "string", "format": "date", "formatMinimum": str(FIRST_DAY), "formatMaximum": str(LAST_DAY)}),
]
"""A business date as ISO 8601 has it."""

RowId = Annotated[int, Field(ge=0, le=MAX_ROW_ID)]
"""The number of a letter or a task."""

Version = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
"""A number that counts versions from 1."""
