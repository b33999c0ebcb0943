"""What would take something off an invoice, as the invoice shows it: its open dispute, and the request to reduce it that waits."""

from collections.abc import Collection
from datetime import date
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.tables import Case
from domain.billing.reduction_kind import ReductionKind
from domain.case_summary import parse_case_summary
from domain.credit_request.summary import CreditRequestSummary
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind, approval_case_id
from domain.policy.dispute_rules import DisputeReason
from domain.roles import Role


class OpenDispute(BaseModel):
    """An open dispute. `contested` in minor units of the invoice's currency; days are business dates. `deadline` is None once the
    department has answered, and the answer waits to be approved or booked."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    stage: str
    reason: DisputeReason
    contested: int
    department: Role
    assignee: str | None
    deadline: date | None
    escalated: bool
    raised_on: date
    raised_by: str


class PendingReduction(BaseModel):
    """A request to credit or cancel an invoice that is not booked yet. `amount` in minor units of the invoice's currency: of one that is to
    be cancelled, its total. `approval_id` is None while no worker has asked for its approval."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    stage: str
    reduction: ReductionKind
    amount: int
    requester: str
    approval_id: str | None


class OpenClaims(NamedTuple):
    """By invoice, each of which has one dispute and one request at most."""

    disputes: dict[str, OpenDispute]
    reductions: dict[str, PendingReduction]


def load_open_claims(session: Session, invoice_ids: Collection[str]) -> OpenClaims:
    """Load the open dispute of each invoice that has one, and the request that waits of each that has one."""
    columns = (col(Case.kind), col(Case.case_id), col(Case.invoice_id), col(Case.stage), col(Case.next_on), col(Case.summary))
    statement = select(*columns).where(
        col(Case.kind).in_((CaseKind.DISPUTE, CaseKind.CREDIT_REQUEST)),
        col(Case.invoice_id).in_(sorted(set(invoice_ids))),
        col(Case.outcome).is_(None),
    )
    found = OpenClaims({}, {})
    for row in session.execute(statement.order_by(col(Case.case_id))):
        summary = parse_case_summary(row.kind, row.summary)
        if isinstance(summary, DisputeSummary):
            found.disputes[row.invoice_id] = _build_dispute(row, summary)
        elif isinstance(summary, CreditRequestSummary) and summary.reduction:
            found.reductions[row.invoice_id] = _build_reduction(row, summary, ReductionKind(summary.reduction))
    return found


def _build_dispute(row: Any, summary: DisputeSummary) -> OpenDispute:
    told = summary.model_dump(include={"reason", "contested", "department", "assignee", "escalated", "raised_on", "raised_by"})
    return OpenDispute(case_id=row.case_id, stage=row.stage, deadline=row.next_on, **told)


def _build_reduction(row: Any, summary: CreditRequestSummary, reduction: ReductionKind) -> PendingReduction:
    return PendingReduction(
        case_id=row.case_id,
        stage=row.stage,
        reduction=reduction,
        amount=summary.amount,
        requester=summary.requester,
        approval_id=approval_case_id(row.case_id, summary.approvals) if summary.approvals else None,
    )
