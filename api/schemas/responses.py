"""What the API answers. Dates are ISO 8601, times without another word business time; amounts are decimal strings in major units."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.imports.import_run import RejectedRow
from adapters.imports.row_booking import ImportVerdict
from api.schemas.amounts import Amount


class InvoiceVerdict(BaseModel):
    invoice_id: str
    verdict: ImportVerdict
    reason: str = Field(description="why it was rejected, and what to write instead")


class InvoiceVerdicts(BaseModel):
    """A result for each invoice, in the order in which they came."""

    results: list[InvoiceVerdict]


class CommandAnswer(BaseModel):
    """`recorded`: `now`, with the journal entry's number, or `will be applied`: no worker answered in time, and it is applied once."""

    model_config = ConfigDict(json_schema_extra={"example": {"act_id": "act:9f2c", "recorded": "now", "seq": 12, "repeated": False}})

    act_id: str
    recorded: Literal["now", "will be applied"]
    seq: int | None = None
    repeated: bool = False


class LedgerAnswer(BaseModel):
    """What the ledger booked. The case hears of it within moments."""

    id: str = Field(description="of the payment, credit note or cancelled invoice")
    invoice_id: str
    status: str
    open_balance: Amount
    unapplied: Amount | None = Field(default=None, description="what the invoice did not need; it is credit of the account")


class ShareOut(BaseModel):
    invoice_id: str
    amount: Amount


class ReversalAnswer(BaseModel):
    """What each invoice owes again."""

    id: str
    owed_again: list[ShareOut]


class UnappliedApplicationAnswer(BaseModel):
    """What each invoice took of the account's unapplied credit, and what is left of it. The cases hear of it within moments."""

    account_id: str
    applied: list[ShareOut]
    unapplied: Amount = Field(description="what no open invoice could take")


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
    case_id: str | None = Field(description="the case that asked for it; null: invoices' timelines did")
    reason: str = Field(description="why a case's letter did not go")
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
    prepaid: bool = Field(description="served in advance of its money: never suspended for arrears")
    suspended_on: date | None = Field(description="since when its service is off")
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


class ImportOut(BaseModel):
    id: str | None = Field(description="null for a dry run, which leaves no trace")
    file_name: str
    dry_run: bool
    state: str
    rows: int
    verdicts: dict[str, int]
    rejected: list[RejectedRow] = Field(description="the first ones; all of them are in rejected.csv")
    error: str = ""
    started_by: str
    started_at: datetime | None = Field(description="real time")
    ended_at: datetime | None = Field(description="real time")


class EvidenceAnswer(CommandAnswer):
    evidence: list[str] = Field(description="each file's SHA-256, in the order in which they came")


class DisputeOut(BaseModel):
    id: str
    invoice_id: str
    account_id: str
    account_name: str
    stage: str
    reason: str
    amount: Amount
    contested: Amount = Field(description="as far as it is still owed")
    department: str
    assignee: str | None
    waiting_for: str
    escalated: bool
    deadline: date | None
    raised_by: str
    raised_on: date
    evidence: list[str] = Field(description="the SHA-256 of each file: GET /v1/documents/{sha256}")
    resolution: str | None


class ApprovalOut(BaseModel):
    id: str
    account_id: str
    account_name: str
    subject: str = Field(description="the case that asks")
    invoice_ids: list[str]
    matter: str
    amount: Amount
    requester: str
    state: str
    tier: int
    tiers: int
    roles: list[str] = Field(description="those who may decide now")
    escalated: bool
    asked_on: date | None
    due_on: date | None
    signed_by: list[str]
    ended: str | None = Field(description="who decided what, and when")


class DelegationOut(BaseModel):
    delegation_id: str
    from_user: str
    to_user: str
    role: str
    first_day: date
    last_day: date
