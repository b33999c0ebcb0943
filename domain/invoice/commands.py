"""What people send to an invoice's collection. Who sent it is set by the API from who signed in, never from a request's body."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from domain.case.command import Act
from domain.roles import Role


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
