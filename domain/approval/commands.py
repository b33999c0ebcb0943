"""What people send to an approval: decisions, and withdrawals of what was asked."""

from enum import StrEnum
from typing import ClassVar

from domain.approval.delegation import Delegation
from domain.case.command import Command
from domain.roles import Role


class ApprovalVerdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    RETURN = "return"


class DecisionChannel(StrEnum):
    """The way by which a decision came. What does not say that it came through the API was written to Temporal directly."""

    API = "api"
    TEMPORAL = "temporal"


class DecideApproval(Command):
    """One person's word on what is asked. The comment's text is in the database; a rejection or a return has one.

    `role` is the role in which the person signs: with a delegation, the role that was delegated. `facts_version` is the version of the
    facts on which the decision was made; None decides on whatever they are by now.
    """

    journal_name: ClassVar[str] = "Decision"

    role: Role
    verdict: ApprovalVerdict
    note_id: str | None = None
    delegation: Delegation | None = None
    channel: DecisionChannel = DecisionChannel.TEMPORAL
    facts_version: int | None = None

    @property
    def on_behalf_of(self) -> str | None:
        return self.delegation.from_user if self.delegation else None


class WithdrawApprovalRequest(Command):
    """Whoever asked needs it no longer."""

    journal_name: ClassVar[str] = "Withdrawal"
