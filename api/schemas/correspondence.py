"""The bodies about letters and tasks: the decision on a letter without an outcome, a finished task, a letter and its lines."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from adapters.correspondence.letter_decisions import LetterDecision
from api.schemas.amounts import Amount
from api.schemas.request_body import RequestBody, example_config
from domain.correspondence.naming import NamedAs


class DecisionIn(RequestBody):
    model_config = example_config(decision="resend", comment="Their mail server was full; it is mended.")

    decision: LetterDecision
    comment: str = Field(default="", max_length=1000)


class TaskDoneIn(RequestBody):
    model_config = example_config(outcome="The account has a new address.")

    outcome: str = Field(default="", max_length=1000)


class LetterLineOut(BaseModel):
    invoice_id: str
    number: str
    step: str
    open_balance: Amount
    days_past_due: int
    named_as: NamedAs = Field(description="as what the letter names it; it asks for what is due, gathered or listed")


class LetterOut(BaseModel):
    id: int
    account_id: str
    account_name: str
    recipient: str
    language: str
    letter: str
    subject: str
    state: str
    attempts: int
    slot: datetime
    sent_at: datetime | None
    reply: str = Field(description="the mail server's last words")
    decided_by: str | None
    message_id: str
    case_id: str | None = Field(description="the case that asked for it; null: invoices' timelines did")
    reason: str = Field(description="why a case's letter did not go")
    asked_for: Amount | None = Field(description="of a reminder: what it asks for in all, less the credit; null before it has gone")
    credit: Amount | None = Field(description="of a reminder: the unapplied credit that it takes off; null where there is none")
    lines: list[LetterLineOut]


class LetterWithText(LetterOut):
    text: str


class TaskOut(BaseModel):
    id: int
    kind: str
    account_id: str
    account_name: str
    invoice_id: str | None
    invoice_number: str | None
    role: str
    assignee: str | None
    due_on: date
    state: str
    outcome: str
    letter_id: int | None
    closed_by: str | None
