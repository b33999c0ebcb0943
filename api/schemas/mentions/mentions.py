"""The bodies about mentions: where somebody was named, and that they have read it."""

from datetime import datetime

from pydantic import BaseModel, Field

from api.schemas.request_body import RequestBody, example_config


class MentionOut(BaseModel):
    """A note or a comment in which you are named. `written_at` is business time, `read_at` real time."""

    note_id: str
    account_id: str
    account_name: str
    invoice_id: str | None
    invoice_number: str | None
    author: str
    text: str = Field(description="empty once the account was erased")
    written_at: datetime
    read_at: datetime | None


class MentionsReadIn(RequestBody):
    """Those that you have read."""

    model_config = example_config(notes=["note:act-1"])

    notes: list[str] | None = Field(default=None, max_length=500, description="the notes in which you were named; all when left out")


class MentionsReadOut(BaseModel):
    read: int = Field(description="so many of them were unread before")
