"""What the read model knows of the daily seals."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field


class SealSummary(BaseModel):
    """The last seal, once there is one: its business date, its hash, and how many cases and entries it is over."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    day: date | None = Field(default=None, alias="on")
    hash: str = ""
    cases: int = 0
    entries: int = 0
