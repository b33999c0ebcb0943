"""What a person writes to a customer: the body, and what comes of it."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from adapters.correspondence.written_letter_store import WrittenLetter
from api.schemas.correspondence import LetterOut
from api.schemas.request_body import RequestBody, RowId, example_config

MAX_ATTACHED = 10


class LetterToWriteIn(RequestBody):
    """`contacts`: those of the account who get it, each a letter of their own. `copy_of`: the letter of which a copy goes; without one it
    is a statement of account. `sentence` stands above, in whatever language it is written. `invoice_copies`: invoices of a connected
    billing system that prints them."""

    model_config = example_config(contacts=[3], sentence="As promised on the phone, here is what is open.")

    contacts: list[RowId] = Field(min_length=1, max_length=20)
    copy_of: RowId | None = None
    sentence: str = Field(default="", max_length=1000)
    invoice_copies: list[str] = Field(
        default=[], max_length=MAX_ATTACHED, description="invoices of which the printed copy goes along; fetched when the letter goes"
    )


class WrittenLetterOut(BaseModel):
    """A letter as it would go."""

    recipient: str
    language: str
    slot: datetime = Field(description="when it may go, business time; later where letters are stopped or held")
    subject: str
    text: str

    @classmethod
    def from_letter(cls, letter: WrittenLetter) -> Self:
        return cls(
            recipient=letter.recipient, language=letter.language, slot=letter.slot, subject=letter.mail.subject, text=letter.mail.text
        )


class LettersWrittenOut(BaseModel):
    letters: list[LetterOut]
