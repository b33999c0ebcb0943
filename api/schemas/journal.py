"""A journal entry, with the sentence that states it in words; and what entries explain of a day."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class EntryOut(BaseModel):
    """A note that no case's journal names, about an account or a settled invoice, has neither a case nor a hash, and the number 0."""

    seq: int
    case_id: str
    invoice_id: str | None
    kind: str
    business_at: datetime
    recorded_at: datetime
    actor: str
    sentence: str
    text: str | None = Field(description="what a person wrote")
    facts: dict[str, Any]
    hash: str


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
