"""The journal write: the input and the result of the local activity by which a case's workflow writes to the database.

A local activity's arguments are not kept in the workflow's history, its result is: entries and read model go in,
the journal's head comes out.
"""

from datetime import date

from pydantic import AwareDatetime, BaseModel, Field

from domain.case.case_view import CaseView, TaskRequest
from domain.correspondence.contact_request import ContactOrder
from domain.correspondence.letter_outcome import DropReason, LetterNaming, LetterOutcome, WaivedLetter
from domain.invoice.carried_state import CarriedState
from domain.invoice.promise import PromiseMoney, PromisePart
from domain.journal.entry import Entry


class CaseWrite(BaseModel):
    """Everything that a workflow writes in one transaction, each time it is activated. `next_run`: what a run would start with that goes
    on after this write, were the present one lost; the text of a JSON object, which nobody on the way looks into."""

    now: AwareDatetime
    entries: list[Entry]
    case: CaseView
    carried: CarriedState
    ask: ContactOrder | None = None
    await_letter: bool = False
    withdraw: DropReason | None = None
    waived: list[WaivedLetter] = Field(default_factory=list)
    errands: list[TaskRequest] = Field(default_factory=list)
    heard: list[str] = Field(default_factory=list)
    promise_part: PromisePart | None = None
    next_run: str | None = None


class CaseWriteResult(BaseModel):
    """The result of a journal write.

    `named`: the letters that went and listed the invoice without taking a step of it.
    `contact_on`: the customer's date of the slot that the ask was given. `call_task`: the account's call that the ask is part of.
    `under_way`: the letter awaited has not come to its end.
    `raised`: the keys of the escalations of the account's call that this invoice was the first to ask for.
    `promise_money`: what came of the promise of which the invoice has a part.
    `carried` is set, and nothing was written, when an earlier run of the case left a chain to go on with.
    """

    head: str
    contact_on: date | None = None
    call_task: str | None = None
    raised: list[str] = Field(default_factory=list)
    promise_money: PromiseMoney | None = None
    under_way: bool = False
    letters: list[LetterOutcome] = Field(default_factory=list)
    named: list[LetterNaming] = Field(default_factory=list)
    withdrawn: list[str] = Field(default_factory=list)
    carried: CarriedState | None = None
