"""What the API takes and gives. Dates are ISO 8601; amounts are decimal strings in major units with their currency."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.letter_decisions import LetterDecision
from api.amounts import Amount, PositiveAmount
from domain.acts import CallOutcome


class _In(BaseModel):
    """A misspelt key is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"example": fields})


# --- what people and machines send


class PaymentIn(PositiveAmount):
    """Money received. What is more than the open balance stays on the account as unapplied credit."""

    model_config = _example(amount="250.00", currency="EUR", received_on="2013-03-04", reference="bank 4711")

    received_on: date | None = Field(default=None, description="the business date when left out")
    reference: str = Field(default="", max_length=200)


class PromiseIn(PositiveAmount):
    model_config = _example(amount="250.00", currency="EUR", by="2013-03-15")

    by: date


class CallIn(_In):
    """A call that was made. It closes the invoice's open call task."""

    model_config = _example(outcome="reached", note="Payment run is on Friday.")

    outcome: CallOutcome
    note: str = Field(default="", max_length=10_000)


class PauseIn(_In):
    model_config = _example(reason="goods are being checked", until="2013-03-20")

    reason: str = Field(min_length=1, max_length=200, description="kept in the journal for ever: name no person")
    until: date | None = Field(default=None, description="until someone resumes when left out")


class NoteIn(_In):
    model_config = _example(text="Asked for a copy of the delivery note.")

    text: str = Field(min_length=1, max_length=10_000)


class CancellationIn(_In):
    model_config = _example(reason="issued twice")

    reason: str = Field(default="", max_length=200)


class CreditNoteIn(PositiveAmount):
    model_config = _example(amount="40.00", currency="EUR", reason="two items were missing")

    issued_on: date | None = Field(default=None, description="the business date when left out")
    reason: str = Field(default="", max_length=200)


class ReversalIn(_In):
    model_config = _example(reason="direct debit was returned")

    reason: str = Field(default="", max_length=200)


class DecisionIn(_In):
    model_config = _example(decision="resend", comment="Their mail server was full; it is mended.")

    decision: LetterDecision
    comment: str = Field(default="", max_length=1000)


class TaskDoneIn(_In):
    model_config = _example(outcome="The account has a new address.")

    outcome: str = Field(default="", max_length=1000)


class AccountIn(_In):
    """An account as it comes with an invoice: an unknown one is made, a known one keeps what it has."""

    id: str = Field(min_length=1, max_length=100)
    name: str = Field(min_length=1, max_length=200)
    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    language: Literal["en", "de", "fr", "es"]
    time_zone: str | None = Field(default=None, description="IANA name; the country's first when left out")
    email: str = Field(default="", max_length=254)
    collector: str | None = Field(default=None, max_length=100)
    segment: str = Field(default="standard", max_length=100)


class InvoiceIn(_In):
    model_config = _example(
        id="INV-2013-0042",
        number="2013-0042",
        account={"id": "A-7", "name": "Brauerei Nord GmbH", "country": "DE", "language": "de", "email": "ap@brauerei.example"},
        issue_date="2013-02-01",
        due_date="2013-03-03",
        total={"amount": "250.00", "currency": "EUR"},
    )

    id: str = Field(min_length=1, max_length=100)
    number: str | None = Field(default=None, max_length=100, description="the id when left out")
    account: AccountIn
    issue_date: date
    due_date: date
    total: PositiveAmount
    open_balance: Amount | None = Field(default=None, description="the total when left out")
    disputed: bool = False


# --- what they hear


class InvoiceVerdict(BaseModel):
    invoice_id: str
    verdict: str = Field(description="created, changed, unchanged or rejected")
    reason: str = ""


class InvoiceVerdicts(BaseModel):
    results: list[InvoiceVerdict]


class ActAnswer(BaseModel):
    """`recorded`: `now`, with the journal entry's number, or `will be applied`: no worker answered in time, and it is applied once."""

    model_config = ConfigDict(json_schema_extra={"example": {"act_id": "act:9f2c", "recorded": "now", "seq": 12, "repeated": False}})

    act_id: str
    recorded: Literal["now", "will be applied"]
    seq: int | None = None
    repeated: bool = False


class LedgerAnswer(BaseModel):
    """What the ledger did. The case hears of it within moments."""

    id: str
    invoice_id: str | None
    open_balance: Amount | None = None
    unapplied: Amount | None = None


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


class PromiseOut(BaseModel):
    amount: Amount
    by: date


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
    disputed: bool
    on_hold: bool
    waiting_for: str | None
    next_step: str | None
    next_on: date | None


class InvoiceOut(InvoiceSummary):
    source: Literal["live", "read_model"] = Field(description="where the case's state was read: its workflow, or the database")
    why: str = Field(description="why the next step comes when it does")
    policy: str | None
    policy_version: int | None
    settled_on: date | None
    holds: list[HoldOut]
    steps_taken: list[StepOut]
    promise: PromiseOut | None


class EntryOut(BaseModel):
    seq: int
    case_id: str
    invoice_id: str | None
    kind: str
    business_at: datetime
    recorded_at: datetime
    actor: str
    sentence: str
    text: str | None = Field(description="what a person wrote")
    facts: dict[str, Any]
    hash: str


class LetterLineOut(BaseModel):
    invoice_id: str
    number: str
    step: str
    open_balance: Amount
    days_past_due: int


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


class HistoryOut(BaseModel):
    entries: list[EntryOut]
    letters: list[LetterOut]
    tasks: list[TaskOut]


class BalanceOut(BaseModel):
    """One currency's. Balances of two currencies are never added."""

    currency: str
    open_balance: Amount
    overdue: Amount
    unapplied: Amount
    open_invoices: int


class AccountSummary(BaseModel):
    id: str
    name: str
    country: str
    time_zone: str
    language: str
    segment: str
    collector: str | None
    balances: list[BalanceOut]


class ContactOut(BaseModel):
    role: str
    name: str
    email: str
    phone: str
    language: str | None


class AccountOut(AccountSummary):
    contacts: list[ContactOut]
    invoices: list[InvoiceSummary]


class RejectedRow(BaseModel):
    row: int
    reason: str


class ImportOut(BaseModel):
    id: str
    file_name: str
    dry_run: bool
    state: str
    rows: int
    verdicts: dict[str, int]
    rejected: list[RejectedRow] = Field(description="the first ones; all of them are in rejected.csv")
    error: str
    started_by: str
    started_at: datetime
    ended_at: datetime | None
