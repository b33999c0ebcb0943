"""What an approval's workflow starts with."""

from pydantic import BaseModel, Field

from domain.approval.approval_case import ApprovalCase
from domain.approval.facts import DecisionFacts
from domain.approval.result import ApprovalSubject
from domain.case.workflow_input import CaseInput
from domain.policy.approval_matrix import ApprovalRequest, MatrixSnapshot


class ApprovalContext(BaseModel):
    """What the one who asks cannot know: the matrix in force, the customer's segment, for whom those who ask may act on that day, whether
    the account's service is paid in advance by now, what the one who asks has had credited of the invoice without anybody's agreement
    (minor units of its currency), and the facts on which it is to be decided."""

    matrix: MatrixSnapshot
    segment: str
    acting_for: list[str] = Field(default_factory=list)
    prepaid: bool = False
    credited_before: int = 0
    facts: DecisionFacts | None = None


class ApprovalInput(CaseInput):
    """The `number` counts the approvals of the case that asks; its answer names it. One without `facts` binds none."""

    number: int
    account_id: str
    question: ApprovalRequest
    requester: str
    also_asked: list[str] = Field(default_factory=list)
    acting_for: list[str] = Field(default_factory=list)
    subject: ApprovalSubject
    matrix: MatrixSnapshot
    facts: DecisionFacts | None = None
    case: ApprovalCase | None = None
