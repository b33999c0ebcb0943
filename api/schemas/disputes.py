"""The bodies about disputes: raising, assigning and resolving one, its evidence, and a dispute as lists show it."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.amounts import Amount, PositiveAmount
from api.schemas.command_answer import CommandAnswer
from api.schemas.request_body import Day, RequestBody, example_config
from domain.dispute.commands import DisputeSource
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.roles import Role


class DisputeIn(PositiveAmount):
    """What the customer contests, at most the open balance. The undisputed rest goes on being collected."""

    model_config = example_config(
        amount="40.00", currency="EUR", reason="wrong_quantity", look_again_on="2013-03-18", comment="Two boxes were missing."
    )

    reason: DisputeReason
    source: Literal[DisputeSource.COLLECTOR, DisputeSource.CALL] = DisputeSource.COLLECTOR
    comment: str = Field(default="", max_length=10_000)
    evidence: list[str] = Field(default_factory=list, max_length=50, description="the SHA-256 of files that are stored here")
    look_again_on: Day | None = Field(default=None, description="the account is to be called on that day, to see whether it has its answer")


class AssignmentIn(RequestBody):
    """To a person of the department that owns it, or to another department, whose time then starts anew."""

    model_config = example_config(assignee="ben", comment="Knows the customer.")

    department: Role | None = None
    assignee: str | None = Field(default=None, min_length=1, max_length=100)
    comment: str = Field(default="", max_length=10_000)


class ResolutionIn(RequestBody):
    """`amount`: what a credit note credits, or the corrected invoice's new total. `reference`: of the payment that was found, or of the
    corrected invoice."""

    model_config = example_config(
        resolution="credit_note", amount={"amount": "40.00", "currency": "EUR"}, comment="Two boxes were missing."
    )

    resolution: DisputeResolution
    amount: Amount | None = None
    reference: str = Field(default="", max_length=200, description="kept in the journal for ever: name no person")
    comment: str = Field(default="", max_length=10_000)


class RefusedFile(BaseModel):
    """A file that was not attached, by its name, and why."""

    name: str
    why: str


class EvidenceAnswer(CommandAnswer):
    evidence: list[str] = Field(description="each file's SHA-256, in the order in which they came")
    refused: list[RefusedFile] = Field(default=[], description="those that were left out; the others are attached")


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
