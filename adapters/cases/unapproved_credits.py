"""What somebody has had credited of an invoice without anybody's agreement, by hand or by a dispute: it counts with what they ask next."""

from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.credits_by_hand import sum_credits_by_hand
from adapters.database.engine import Database
from adapters.database.tables import Case
from domain.approval.result import ApprovalResult
from domain.approval.summary import ApprovalSummary
from domain.identifiers import CaseKind
from domain.policy.approval_type import ApprovalType
from domain.roles import is_same_person


class UnapprovedCredit(NamedTuple):
    """Minor units of the invoice's currency, since there has been the invoice. `by_hand` was booked at once, `by_cases` ordered by a case
    whose approval had nobody to ask."""

    by_hand: int = 0
    by_cases: int = 0

    @property
    def total(self) -> int:
        return self.by_hand + self.by_cases


def load_unapproved_credit(database: Database, invoice_id: str, person: str, besides: str = "") -> UnapprovedCredit:
    """`besides`: the id of a credit note that does not count, as it is being issued again."""
    with database.reading() as session:
        return UnapprovedCredit(
            sum_credits_by_hand(session, invoice_id, person, besides), _sum_unasked_approvals(session, invoice_id, person)
        )


def _sum_unasked_approvals(session: Session, invoice_id: str, person: str) -> int:
    granted = (col(Case.kind) == CaseKind.APPROVAL, col(Case.invoice_id) == invoice_id, col(Case.outcome) == ApprovalResult.APPROVED.value)
    summaries = (ApprovalSummary.model_validate(row) for row in session.scalars(select(col(Case.summary)).where(*granted)))
    return sum(
        summary.amount
        for summary in summaries
        if summary.matter is ApprovalType.CREDIT_NOTE and not summary.tiers and is_same_person(summary.requester, person)
    )
