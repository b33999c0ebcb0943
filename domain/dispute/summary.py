"""What lists know of a dispute."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from domain.case.summary_fields import PackedWords
from domain.money import Money
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.roles import Role


class DisputeSummary(BaseModel):
    """Amounts in minor units of the invoice's currency: `amount` as it was raised, `contested` as far as it is still owed.

    `answer`: the department's, before it is approved and booked. `approvals`: how many were asked for. `evidence`: the SHA-256 of each
    file.
    """

    model_config = ConfigDict(frozen=True)

    reason: DisputeReason = DisputeReason.OTHER
    amount: int = 0
    currency: str = ""
    contested: int = 0
    department: Role = Role.BILLING_OPS
    assignee: str | None = None
    escalated: bool = False
    raised_by: str = ""
    raised_on: date = date.min
    deadline: date = date.max
    answer: DisputeResolution | None = None
    approvals: int = 0
    evidence: PackedWords = ()

    @property
    def stated_amounts(self) -> tuple[Money, ...]:
        return (Money(minor=self.contested, currency=self.currency),) if self.currency else ()
