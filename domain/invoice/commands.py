"""What people send to an invoice's collection. Who sent it is set by the API from who signed in, never from a request's body."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from domain.case.command import Command
from domain.invoice.promise import PromiseShare
from domain.roles import Role


class MakePromise(Command):
    """The customer promised `amount` (minor units of the invoice's currency) by a date; with a `share`, as a part of a promise over
    several invoices."""

    journal_name: ClassVar[str] = "MakePromise"

    amount: int = Field(gt=0)
    by: date
    note: str = ""
    share: PromiseShare | None = None


class CallOutcome(StrEnum):
    REACHED = "reached"
    NO_ANSWER = "no_answer"
    LEFT_MESSAGE = "left_message"
    WRONG_NUMBER = "wrong_number"
    CALL_BACK_LATER = "call_back_later"
    REFUSES_TO_PAY = "refuses_to_pay"


class LogCall(Command):
    """The customer was called. `call` is the id of the call, which all invoices share that it was about; empty for one that none shares.
    `again_on`: the day on which somebody means to call again. `without_address`: the invoice's last letter waits for an address."""

    journal_name: ClassVar[str] = "LogCall"

    outcome: CallOutcome
    note_id: str | None = None
    call: str = ""
    again_on: date | None = None
    without_address: bool = False


class SkipLetter(Command):
    """Go on without the last letter, which was refused, is in doubt, or waits for an address (`without_address`). The reason is kept;
    it must name no person."""

    journal_name: ClassVar[str] = "SkipLetter"

    reason: str
    without_address: bool = False


class ResendLetter(Command):
    """The last letter, of which the database has no trace, is to go again."""

    journal_name: ClassVar[str] = "ResendLetter"


class PauseCollection(Command):
    """Stop chasing, until a date or until someone resumes. The reason is kept; it must name no person."""

    journal_name: ClassVar[str] = "Pause"

    reason: str
    until: date | None = None


class ResumeCollection(Command):
    journal_name: ClassVar[str] = "Resume"


class AddNote(Command):
    """A note was written; its text is in the database, for no personal detail goes into a workflow's history."""

    journal_name: ClassVar[str] = "AddNote"

    note_id: str


class EscalateInvoice(Command):
    """People of a role are asked to look at this invoice. What for, is in the note."""

    journal_name: ClassVar[str] = "Escalate"

    role: Role
    note_id: str | None = None


class CallCourse(StrEnum):
    """What follows from the answer to a call that was escalated: somebody named is to make it, or nobody is."""

    ASSIGNED = "assigned"
    CALLED_OFF = "called_off"


class AnswerEscalation(Command):
    """What they said to it. `escalation` is the id of the act that asked, or the key by which the account's call was escalated; `role` that
    in which the person answers. `course` is a call's alone, `assignee` the user who is to make it. `expects_call`: it is escalated again if
    they do not; a history of before this was so has commands that do not say it."""

    journal_name: ClassVar[str] = "AnswerEscalation"

    escalation: str
    role: Role
    note_id: str | None = None
    course: CallCourse | None = None
    assignee: str = ""
    expects_call: bool = False
