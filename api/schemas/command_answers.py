"""The answer to every command that a case accepts."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class CommandAnswer(BaseModel):
    """`recorded`: `now`, with the journal entry's number, or `will be applied`: no worker answered in time, and it is applied once."""

    model_config = ConfigDict(json_schema_extra={"example": {"act_id": "act:9f2c", "recorded": "now", "seq": 12, "repeated": False}})

    act_id: str
    recorded: Literal["now", "will be applied"]
    seq: int | None = None
    repeated: bool = False
