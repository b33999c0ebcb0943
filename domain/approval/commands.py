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


class DecisionReason(StrEnum):
    """Why somebody rejects or returns what is asked, beside the comment's own words, so that it can be counted."""

    TERMS_NOT_ACCEPTABLE = "terms_not_acceptable"
    CUSTOMER_RECORD = "customer_record"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"
    AGAINST_POLICY = "against_policy"
    EVIDENCE_MISSING = "evidence_missing"
    AMOUNT_WRONG = "amount_wrong"
    OTHER_TERMS = "other_terms"
    ASK_CUSTOMER = "ask_customer"
    OTHER = "other"


REASONS_OF_VERDICT: dict[ApprovalVerdict, tuple[DecisionReason, ...]] = {
    ApprovalVerdict.APPROVE: (),
    ApprovalVerdict.REJECT: (
        DecisionReason.TERMS_NOT_ACCEPTABLE,
        DecisionReason.CUSTOMER_RECORD,
        DecisionReason.NOT_ENOUGH_EVIDENCE,
        DecisionReason.AGAINST_POLICY,
        DecisionReason.OTHER,
    ),
    ApprovalVerdict.RETURN: (
        DecisionReason.EVIDENCE_MISSING,
        DecisionReason.AMOUNT_WRONG,
        DecisionReason.OTHER_TERMS,
        DecisionReason.ASK_CUSTOMER,
        DecisionReason.OTHER,
    ),
}
"""The reasons that each verdict may have."""


class DecisionChannel(StrEnum):
    """The way by which a decision came. What does not say that it came through the API was written to Temporal directly."""

    API = "api"
    TEMPORAL = "temporal"


class DecideApproval(Command):
    """One person's word on what is asked. The comment's text is in the database; a rejection or a return has one.

    `role` is the role in which the person signs: with a delegation, the role that was delegated. `facts_version` is the version of the
    facts on which the decision was made; None decides on whatever they are by now. `reason`: of a rejection or a return; None where
    whoever decided gave none.
    """

    journal_name: ClassVar[str] = "Decision"

    role: Role
    verdict: ApprovalVerdict
    reason: DecisionReason | None = None
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
