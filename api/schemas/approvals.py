"""The bodies about approvals: a decision, and an approval as lists show it. The reply to a decision is in `replies`."""

from datetime import date

from pydantic import BaseModel, Field

from api.schemas.amounts import Amount
from api.schemas.request_body import RequestBody, example_config
from domain.approval.commands import ApprovalVerdict


class ApprovalDecisionIn(RequestBody):
    """A rejection or a return says why, or what to change."""

    model_config = example_config(decision="return", comment="Please attach the delivery note.")

    decision: ApprovalVerdict
    comment: str = Field(default="", max_length=10_000)


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
