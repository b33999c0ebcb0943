"""The bodies about letters and tasks: the decision on a letter without an outcome, a finished task, a letter and its lines, and the stops
of letters."""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, Field, model_validator

from adapters.correspondence.letter_decisions import LetterDecision
from adapters.correspondence.release_store import ReleaseResult
from adapters.database.row_states import BrakeEvent
from adapters.read_model.called_invoices import CalledInvoice
from api.schemas.amounts import Amount
from api.schemas.request_body import Day, RequestBody, example_config
from domain.correspondence.letter_stop import LetterStop, StopScope
from domain.correspondence.naming import NamedAs
from domain.correspondence.release import ReleaseSelection

MAX_ACCOUNTS_SHOWN = 500
"""How many accounts an answer lists one by one."""


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


class CalledInvoiceOut(BaseModel):
    """An invoice that asks for the account's call."""

    id: str
    number: str
    open_balance: Amount
    due_date: date
    call_on: date = Field(description="the day from which the invoice's timeline wants the call")

    @classmethod
    def from_row(cls, row: CalledInvoice) -> Self:
        return cls(
            id=row.invoice_id,
            number=row.number,
            open_balance=Amount.from_minor(row.open_balance, row.currency),
            due_date=row.due_date,
            call_on=row.call_on,
        )


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
    invoices: list[CalledInvoiceOut] = Field(description="of a call: the account's invoices that ask for it, the oldest due first")


class LetterStopIn(RequestBody):
    """`target`: the policy's name or the account's id; none to stop all letters. `last_day`: the last business date on which nothing goes;
    without one it lasts until somebody ends it."""

    model_config = example_config(scope="account", target="A-7", reason="A wrong price list went out.", last_day="2013-03-15")

    scope: StopScope
    target: str = Field(default="", max_length=100)
    reason: str = Field(min_length=1, max_length=1000)
    last_day: Day | None = None

    @model_validator(mode="after")
    def _validate_target(self) -> Self:
        if (self.scope is StopScope.ALL) == bool(self.target):
            raise ValueError("name the policy or the account as target; none to stop all letters")
        return self


class HoldbackIn(RequestBody):
    """`last_day`: the last business date on which no letter goes to the account. `letter`: the Message-ID of the letter that is taken back,
    as the preview has it."""

    model_config = example_config(reason="They pay with today's run, says their bank.", last_day="2013-03-02")

    reason: str = Field(min_length=1, max_length=1000)
    last_day: Day
    letter: str = Field(default="", max_length=200)


class LetterStopOut(BaseModel):
    id: str
    scope: StopScope
    target: str = Field(description="the policy's name or the account's id; empty: all letters")
    reason: str
    made_by: str
    made_at: datetime = Field(description="business time")
    last_day: date | None = Field(description="the last business date on which nothing goes")
    active: bool = Field(description="it holds letters back today")
    ended_by: str | None
    ended_at: datetime | None = Field(description="business time")

    @classmethod
    def from_stop(cls, stop: LetterStop, today: date) -> Self:
        return cls(id=stop.stop_id, active=stop.is_active_on(today), **stop.model_dump(exclude={"stop_id"}))


class ReleaseIn(RequestBody):
    """`everything`, or those that meet each condition that is given; accounts that are not held are refused."""

    model_config = example_config(accounts=["A-7"], reason="Looked through with Anna.")

    everything: bool = Field(default=False, description="all accounts that are held")
    accounts: list[str] = Field(default_factory=list, max_length=10_000, description="their ids")
    policy: str = Field(default="", max_length=100, description="that of an invoice of theirs under collection")
    segment: str = Field(default="", max_length=100)
    collector: str = Field(default="", max_length=100)
    country: str = Field(default="", pattern="^([A-Z]{2})?$", description="ISO 3166-1 alpha-2")
    reason: str = Field(default="", max_length=1000)

    @model_validator(mode="after")
    def _validate_selection(self) -> Self:
        self.build_selection()
        return self

    def build_selection(self) -> ReleaseSelection:
        return ReleaseSelection(**self.model_dump(exclude={"reason"}))


class ReleaseOut(BaseModel):
    released: int
    accounts: list[str] = Field(description="the ids of those released, the first 500")
    held: int = Field(description="how many accounts are still held")
    live: bool = Field(description="accounts that are new from now on are not held")

    @classmethod
    def from_result(cls, result: ReleaseResult) -> Self:
        accounts = result.released[:MAX_ACCOUNTS_SHOWN]
        return cls(released=len(result.released), accounts=accounts, held=result.held, live=result.live)


class HeldAccountOut(BaseModel):
    account_id: str
    account_name: str
    country: str
    segment: str
    collector: str | None
    since: datetime = Field(description="business time")


class BrakeRecordOut(BaseModel):
    """Letters were stopped or let go again, or an account was held for release or released."""

    id: int
    event: BrakeEvent
    scope: StopScope
    target: str = Field(description="the policy's name or the account's id; empty: all letters")
    reason: str
    last_day: date | None
    made_by: str
    made_at: datetime = Field(description="business time")


class PreviewedLetterOut(BaseModel):
    """A letter as it would go if nothing else happens."""

    account_id: str
    account_name: str
    on: date = Field(description="the customer's date")
    at: datetime = Field(description="business time")
    recipient: str
    language: str
    letter: str
    subject: str
    message_id: str = Field(description="the same when it goes, if the day and the customer's language stay as they are")
    asked_for: Amount | None
    lines: list[LetterLineOut]
    case_id: str | None = Field(description="the case that asked for it; null: invoices' timelines will")
    held_for_release: bool = Field(description="it does not go before its account is released")
    stopped: bool = Field(description="it does not go before a stop is over")
    billing_unread: bool = Field(description="it does not go before the billing system of its invoices was read to the end again")
    text: str | None = Field(description="the whole letter; of one account, or where texts are asked for")


class PreviewOut(BaseModel):
    """`until` is the last business date, included; `hindered` are the accounts whose letters cannot go, and why."""

    until: date
    accounts: int = Field(description="how many accounts were looked at")
    has_more: bool = Field(description="there are more accounts: ask for a collector's, or for one")
    letters: list[PreviewedLetterOut] = Field(description="in the order in which they would go")
    hindered: list[TaskOut]
