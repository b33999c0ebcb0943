"""The bodies about approvals: a decision, and an approval as lists show it. The answer to a decision is in `command_answer`."""

from datetime import date

from pydantic import BaseModel, Field

from api.schemas.amounts import Amount
from api.schemas.request_body import RequestBody, Version, example_config
from domain.approval.commands import ApprovalVerdict, DecisionReason


class ApprovalDecisionIn(RequestBody):
    """A rejection or a return says why, or what to change."""

    model_config = example_config(decision="return", reason="evidence_missing", comment="Please attach the delivery note.")

    decision: ApprovalVerdict
    reason: DecisionReason | None = Field(
        default=None,
        description="of a rejection: terms_not_acceptable, customer_record, not_enough_evidence, against_policy or other; of a return: "
        "evidence_missing, amount_wrong, other_terms, ask_customer or other",
    )
    comment: str = Field(default="", max_length=10_000)
    facts_version: Version | None = Field(
        default=None,
        description="of the approval as you read it: it is decided only if its facts are still those; left out: as they are",
    )


class ApprovalInvoiceOut(BaseModel):
    """An invoice that is asked for. `amount`: what of it."""

    id: str
    number: str
    amount: Amount
    open_balance: Amount
    disputed: Amount
    due_on: date | None
    days_overdue: int | None
    promised: Amount | None
    promised_by: date | None


class ApprovalDisputeOut(BaseModel):
    """An open dispute of the account."""

    id: str
    invoice_id: str
    amount: Amount
    reason: str
    raised_on: date


class ContactsOut(BaseModel):
    """How often the account was written to and called so far, and how last."""

    letters: int
    last_letter: str | None
    last_letter_on: date | None
    calls: int
    last_call: str | None
    last_call_on: date | None


class ApprovalOut(BaseModel):
    """An approval, with the facts on which it is to be decided. One that was asked for before approvals bound their facts has no
    `facts_version`, and of `invoices`, `disputes` and `contacts` nothing."""

    id: str
    account_id: str
    account_name: str
    account_number: str = Field(description="by which people know the account: the one that its billing system prints, where it has one")
    subject: str = Field(description="the case that asks")
    invoice_ids: list[str]
    matter: str
    reduction: str | None = Field(description="credit_note or cancellation, where an invoice is to be reduced by hand")
    amount: Amount
    credited_before: Amount | None = Field(
        description="what the requester has had credited of the invoice without anybody's agreement, if anything; it counts too"
    )
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
    decision_reason: str | None = Field(description="why it was rejected or returned, where whoever decided named a reason")
    facts_version: int | None = Field(description="to be sent with the decision, so that it is refused if the facts have changed")
    amounts: list[Amount] = Field(description="what is asked for, in each currency")
    invoices: list[ApprovalInvoiceOut]
    disputes: list[ApprovalDisputeOut]
    contacts: ContactsOut | None
    reason: str = Field(description="why it was asked for, in the requester's words")
