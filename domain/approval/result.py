"""What a case tells the human gate that it asks, and what it hears from it."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.case.asked_invoice import AskedInvoice
from domain.journal.entry import FactValue
from domain.journal.journal import SYSTEM


class ApprovalResult(StrEnum):
    """`returned`: the requester is to change something and ask again. `lapsed`: the facts changed under it."""

    APPROVED = "approved"
    REJECTED = "rejected"
    RETURNED = "returned"
    LAPSED = "lapsed"


class ApprovalStage(StrEnum):
    """Where an approval stands: asked, or asked of a deputy after the deadline, until its result."""

    ASKED = "asked"
    ESCALATED = "escalated"
    APPROVED = ApprovalResult.APPROVED.value
    REJECTED = ApprovalResult.REJECTED.value
    RETURNED = ApprovalResult.RETURNED.value
    LAPSED = ApprovalResult.LAPSED.value


class LapseReason(StrEnum):
    """Why nobody need decide any more."""

    SETTLED = "settled"
    OUTGROWN = "outgrown"
    REVISED = "revised"
    WITHDRAWN = "withdrawn"
    DISPUTED = "disputed"
    AMOUNT_SHRANK = "amount_shrank"

    @property
    def explanation(self) -> str:
        return _LAPSE_EXPLANATIONS[self]


_LAPSE_EXPLANATIONS = {
    LapseReason.SETTLED: "the balance was settled",
    LapseReason.OUTGROWN: "more is at stake than those who were asked may approve",
    LapseReason.REVISED: "what was asked has been revised",
    LapseReason.WITHDRAWN: "it was withdrawn",
    LapseReason.DISPUTED: "what it rests on was disputed",
    LapseReason.AMOUNT_SHRANK: "less is owed than was to be credited",
}


class ApprovalSubject(BaseModel):
    """What the approval serves: the case that asks, and the invoices it concerns. The account is the journal's."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    invoice_ids: list[str] = Field(default_factory=list)
    details: dict[str, FactValue] = Field(default_factory=dict)


class ApprovalOutcome(BaseModel):
    """The answer to the approval of that number; `by` is who had the last word, `reason` why it lapsed.

    `invoices`: what was decided of each; none of an approval that was asked for before it bound its facts.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    result: ApprovalResult
    by: str = SYSTEM
    reason: str = ""
    invoices: list[AskedInvoice] = Field(default_factory=list)


SETTLED, REVISED, WITHDRAWN, OUTGROWN = "settled", "revised", "withdrawn", "outgrown"
"""The reasons for which a case takes back what it asked, the requester's own being `withdrawn`; and for which it may ask anew: what is
asked for needs more authority by now."""
