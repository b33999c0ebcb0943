"""What an erasure's workflow starts with."""

from pydantic import BaseModel

from domain.case.account_case import EarlierRun
from domain.clock import Clock

"""The workflow's name on the server."""


class ErasureInput(BaseModel):
    """`earlier` is what the account's last erasure left."""

    account_id: str
    clock: Clock
    earlier: EarlierRun | None = None
