"""What the API answers to why something was sent on a day, why nothing was, or why it waited."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.journal import EntryOut


class ExplanationOut(BaseModel):
    """`about`: why it was sent, why nothing was sent, why it waited, or that it was over."""

    invoice_id: str
    on: date
    about: Literal["sent", "not_sent", "waiting", "over"]
    reason: str = Field(description="the sentence's name, the same in every language")
    sentence: str
    policy: str | None = Field(description="the policy that the invoice followed at the end of the day")
    policy_version: int | None
    entries: list[EntryOut] = Field(description="the journal's entries that prove it")
