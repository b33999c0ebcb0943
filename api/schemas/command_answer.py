"""The reply to every command and decision that a case accepts, such as an approval that is rejected, and to one that is queued."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

QUEUED_RESPONSE: dict[int | str, dict[str, Any]] = {202: {"description": "No worker answered in time: recorded, will be applied once"}}


class CommandAnswer(BaseModel):
    """`recorded`: `now`, with the journal entry's number, or `will be applied`: no worker answered in time, and it is applied once."""

    model_config = ConfigDict(json_schema_extra={"example": {"act_id": "act:9f2c", "recorded": "now", "seq": 12, "repeated": False}})

    act_id: str
    recorded: Literal["now", "will be applied"]
    seq: int | None = None
    repeated: bool = False
