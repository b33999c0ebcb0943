"""The bodies about invoices: commands to an invoice's case, and an invoice with its holds, steps, promise and history."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.amounts import Amount, PositiveAmount
from api.schemas.correspondence import LetterOut, TaskOut
from api.schemas.journal import EntryOut
from api.schemas.request_body import Day, RequestBody, example_config
from api.schemas.suspensions import SuspensionStateOut
from domain.billing.reduction_kind import ReductionKind
from domain.invoice.commands import CallOutcome


class PromiseIn(PositiveAmount):
    model_config = example_config(amount="250.00", currency="EUR", by="2013-03-15")

    by: Day


class CallIn(RequestBody):
    """A call that was made. It closes the invoice's open call task."""

    model_config = example_config(outcome="reached", note="Payment run is on Friday.")

    outcome: CallOutcome
    note: str = Field(default="", max_length=10_000)


class PauseIn(RequestBody):
    model_config = example_config(reason="goods are being checked", until="2013-03-20")

    reason: str = Field(min_length=1, max_length=200, description="kept in the journal for ever: name no person")
    until: Day | None = Field(default=None, description="until someone resumes when left out")


class LetterSkipIn(RequestBody):
    model_config = example_config(reason="the customer confirmed the reminder at the counter")

    reason: str = Field(min_length=1, max_length=200, description="kept in the journal for ever: name no person")


class NoteIn(RequestBody):
    model_config = example_config(text="Asked for a copy of the delivery note.")

    text: str = Field(min_length=1, max_length=10_000)


class HoldOut(BaseModel):
    kind: str
    since: datetime
    until: datetime | None
    reason: str


class StepOut(BaseModel):
    step: str
    taken_at: datetime
    contact_on: date
    fate: str | None
    says: str = Field(description="what became of it, or what it waits for, in words")


class PromiseOut(BaseModel):
    amount: Amount
    by: date


class InvoiceDisputeOut(BaseModel):
    """An open dispute over the invoice. Days are business dates."""

    case_id: str
    stage: str
    reason: str
    amount: Amount = Field(description="how much of it is contested and still owed")
    department: str = Field(description="the role that must answer")
    assignee: str | None
    deadline: date | None = Field(description="null: the answer waits to be approved or booked")
    escalated: bool
    raised_on: date
    raised_by: str
    says: str = Field(description="all this in a sentence")


class PendingReductionOut(BaseModel):
    """A credit note or a cancellation that somebody asked for by hand, and that is not booked yet."""

    case_id: str
    stage: str = Field(description="`approval`: it waits to be agreed to; `booking`: billing is being told")
    kind: ReductionKind
    amount: Amount = Field(description="what is to be credited; of an invoice that is to be cancelled, its total")
    requester: str
    approval_id: str | None = Field(description="the approval that it waits for; null while no worker has asked yet")
    says: str = Field(description="all this in a sentence")


class InvoiceSummary(BaseModel):
    id: str
    number: str
    account_id: str
    account_name: str
    collector: str | None
    stage: str
    status: str
    issue_date: date
    due_date: date
    days_past_due: int
    total: Amount
    open_balance: Amount
    disputed: bool = Field(description="billing, or a file, calls it disputed")
    dispute: InvoiceDisputeOut | None = Field(default=None, description="the dispute over it that is open")
    reduction: PendingReductionOut | None = Field(default=None, description="what was asked for by hand, while it waits")
    on_hold: bool
    waiting_for: str | None
    next_step: str | None
    next_on: date | None
    suspension: SuspensionStateOut | None = Field(default=None, description="of its account, while the invoice is open")


class InvoiceBillingOut(BaseModel):
    """What a connected billing system says of an invoice beside its money."""

    system: str = Field(description="the connection's name")
    external_id: str = Field(description="the system's own id of it")
    reference: str = Field(description="what the payer is asked to state; empty: the invoice's number")
    payment_link: str = Field(description="the page on which it can be paid; empty where there is none")
    ledger_currency: str = Field(description="of the books there, where that is not the invoice's own; else empty")
    has_document: bool = Field(description="the system prints invoices: see /document")


class InvoiceOut(InvoiceSummary):
    source: Literal["live", "read_model"] = Field(description="where the case's state was read: its workflow, or the database")
    why: str = Field(description="why the next step comes when it does")
    policy: str | None
    policy_version: int | None
    settled_on: date | None
    holds: list[HoldOut]
    steps_taken: list[StepOut]
    promise: PromiseOut | None
    billing: InvoiceBillingOut | None = Field(default=None, description="null: it is in the embedded ledger")


class HistoryOut(BaseModel):
    entries: list[EntryOut]
    letters: list[LetterOut]
    tasks: list[TaskOut]
