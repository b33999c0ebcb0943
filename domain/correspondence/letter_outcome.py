"""The outcomes of letters, as cases receive them."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.correspondence.naming import NamedAs
from domain.journal.entry_kinds import EntryKind


class LetterResult(StrEnum):
    """The final results of a letter; with none of them it is still under way."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


LETTER_ENTRY_KINDS = {
    LetterResult.SENT: EntryKind.LETTER_SENT,
    LetterResult.REFUSED: EntryKind.LETTER_REFUSED,
    LetterResult.UNKNOWN: EntryKind.LETTER_UNKNOWN,
    LetterResult.DROPPED: EntryKind.LETTER_DROPPED,
}


class DropReason(StrEnum):
    """The reasons for which a requested letter is not sent."""

    SETTLED = "settled"
    DISPUTED = "disputed"
    ON_HOLD = "on_hold"
    BELOW_MINIMUM = "below_minimum"
    LAPSED = "lapsed"
    NOT_DUE = "not_due"


class LetterOutcome(BaseModel):
    """The outcome of the letter that a step requested. `attempt` counts the step's requests; `at` is business time (UTC), `on` the
    customer's date. `sha256` is that of the content of a letter that was sent; it binds the letter to the journal."""

    model_config = ConfigDict(frozen=True)

    step: str
    attempt: int
    fate: LetterResult
    at: AwareDatetime
    on: date
    message_id: str | None = None
    reason: str = ""
    sha256: str | None = None
    named_as: NamedAs = NamedAs.DUE

    @property
    def key(self) -> str:
        """The key by which a case recognises an outcome that it has recorded already."""
        return f"{self.step}#{self.attempt}:{self.fate}"

    @property
    def proof(self) -> dict[str, str]:
        """The journal fact that identifies the letter's content; none for a letter that was not sent, or was sent by an earlier release,
        whose histories must replay as they are. An invoice that was taken along is said to have been."""
        proof = {"sha256": self.sha256} if self.sha256 else {}
        return proof if self.named_as is NamedAs.DUE else {**proof, "named_as": self.named_as.value}


class LetterNaming(BaseModel):
    """A letter that went and listed an invoice without taking a step of it. `at` is business time (UTC), `on` the customer's date."""

    model_config = ConfigDict(frozen=True)

    message_id: str
    letter: str
    at: AwareDatetime
    on: date
    sha256: str | None = None

    @property
    def key(self) -> str:
        """The key by which a case recognises a letter that it has recorded already."""
        return f"listed:{self.message_id}"
