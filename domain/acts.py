"""What people do to an invoice's collection. Who did it is set by the API from who signed in, never from a request's body."""

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.roles import Role

ACT_REFUSED = "ActRefused"
"""The type of the error by which a workflow refuses an act that its state rules out; the message says why."""


class Act(BaseModel):
    """One act of one person. The id makes it happen once, however often it is sent."""

    model_config = ConfigDict(frozen=True)

    act_id: str
    actor: str


class MakePromise(Act):
    """The customer promised `amount` (minor units of the invoice's currency) by a date."""

    amount: int = Field(gt=0)
    by: date
    note: str = ""


class CallOutcome(StrEnum):
    REACHED = "reached"
    NO_ANSWER = "no_answer"
    LEFT_MESSAGE = "left_message"
    WRONG_NUMBER = "wrong_number"
    CALL_BACK_LATER = "call_back_later"
    REFUSES_TO_PAY = "refuses_to_pay"


class LogCall(Act):
    outcome: CallOutcome
    note_id: str | None = None


class Pause(Act):
    """Stop chasing, until a date or until someone resumes. The reason is kept; it must name no person."""

    reason: str
    until: date | None = None


class Resume(Act):
    pass


class AddNote(Act):
    """A note was written; its text is in the database, for no personal detail goes into a workflow's history."""

    note_id: str


class Escalate(Act):
    """People of a role are asked to look at this invoice. What for, is in the note."""

    role: Role
    note_id: str | None = None


class AnswerEscalation(Act):
    """What they said to it. `escalation` is the id of the act that asked; `role` that in which the person answers."""

    escalation: str
    role: Role
    note_id: str | None = None


class Receipt(BaseModel):
    """What became of an act: the journal's entry that holds it."""

    act_id: str
    seq: int | None = None
    repeated: bool = False
