"""The outcomes of letters, as cases receive them."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.correspondence.naming import NamedAs
from domain.journal.entry import FactValue
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


DUE_AGAIN_FACT = "due_again"
"""The fact of a refused letter's entry: its step is due again."""

IN_DOUBT_FACT = "in_doubt"
"""The fact of an unknown letter's entry: nothing follows its step until a person has decided."""


AWAITED_VERSION_FACT = "awaited_version"
"""The fact of a dropped letter's entry whose case had not heard yet of what billing knew: the version of the invoice that it waits for."""


UNDELIVERED_FACTS = {LetterResult.REFUSED: DUE_AGAIN_FACT, LetterResult.UNKNOWN: IN_DOUBT_FACT}
"""The fact by which a letter that did not arrive, or may not have, does not count; an entry of before this was so has none."""


SKIPPED = "skipped"
"""What became of a letter that a person decided to go on without; also why its request is withdrawn."""


class WaivedLetter(BaseModel):
    """A letter that shall not go any more, of the step that asked for it; `by` decided so."""

    model_config = ConfigDict(frozen=True)

    step: str
    by: str


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
    customer's date. `sha256` is that of the content of a letter that was sent; it binds the letter to the journal. `invoice_version`: of a
    letter that was dropped, the version of the invoice in billing when that was told; its case may not have heard of it yet."""

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
    invoice_version: int | None = None

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

    def build_step_facts(self, counts_not: bool) -> dict[str, FactValue]:
        """Build the facts of the outcome's entry in an invoice's journal. `counts_not`: its step does not count for it."""
        facts: dict[str, FactValue] = {
            "step": self.step,
            "message_id": self.message_id,
            "letter_at": self.at.isoformat(),
            "reason": self.reason,
            **self.proof,
        }
        return {**facts, UNDELIVERED_FACTS[self.fate]: True} if counts_not else facts


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
