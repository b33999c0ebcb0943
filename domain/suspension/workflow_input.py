"""What a suspension's workflow starts with."""

from pydantic import Field

from domain.billing.receivables import Receivable
from domain.case.account_case import EarlierRun
from domain.case.workflow_input import CaseInput
from domain.policy.collection_policy import PolicySnapshot
from domain.suspension.suspension_case import SuspensionCase


class SuspensionInput(CaseInput):
    """`asking`, `asking_hand_over`: invoices that asked when the last case was just ending."""

    account_id: str
    policy: PolicySnapshot
    prepaid: bool = False
    earlier: EarlierRun | None = None
    asking: list[Receivable] = Field(default_factory=list)
    asking_hand_over: list[Receivable] = Field(default_factory=list)
    case: SuspensionCase | None = None
