"""A journal entry, with the sentence that states it in words."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class EntryOut(BaseModel):
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
