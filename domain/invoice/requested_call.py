"""A call that an invoice asked for and that nobody has made yet."""

from pydantic import BaseModel, ConfigDict


class RequestedCall(BaseModel):
    """`step` asked for it; `task` is the key of the account's call, of which it is a part."""

    model_config = ConfigDict(frozen=True)

    step: str
    task: str
