"""What would take something off an invoice, as the invoice shows it: its open dispute, and the request to reduce it that waits."""

from collections.abc import Collection
from datetime import date

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


def load_pending_reductions(session: Session, invoice_ids: Collection[str]) -> dict[str, PendingReduction]:
    """Return the request that waits of each invoice that has one; by invoice. An invoice has one at most."""
    columns = (col(Case.case_id), col(Case.invoice_id), col(Case.stage), col(Case.summary))
    statement = select(*columns).where(
        col(Case.kind) == CaseKind.CREDIT_REQUEST, col(Case.invoice_id).in_(sorted(set(invoice_ids))), col(Case.outcome).is_(None)
    )
    found: dict[str, PendingReduction] = {}
    for row in session.execute(statement):
        summary = parse_case_summary(CaseKind.CREDIT_REQUEST, row.summary)
        if isinstance(summary, CreditRequestSummary) and summary.reduction:
            found[row.invoice_id] = PendingReduction(
                case_id=row.case_id,
                stage=row.stage,
                reduction=ReductionKind(summary.reduction),
                amount=summary.amount,
                requester=summary.requester,
                approval_id=approval_case_id(row.case_id, summary.approvals) if summary.approvals else None,
            )
    return found


def load_open_disputes(session: Session, invoice_ids: Collection[str]) -> dict[str, OpenDispute]:
    """Return the open dispute of each invoice that has one; by invoice. An invoice has one at most."""
    columns = (col(Case.case_id), col(Case.invoice_id), col(Case.stage), col(Case.next_on), col(Case.summary))
    statement = select(*columns).where(
        col(Case.kind) == CaseKind.DISPUTE, col(Case.invoice_id).in_(sorted(set(invoice_ids))), col(Case.outcome).is_(None)
    )
    found: dict[str, OpenDispute] = {}
    for row in session.execute(statement.order_by(col(Case.case_id))):
        summary = parse_case_summary(CaseKind.DISPUTE, row.summary)
        if isinstance(summary, DisputeSummary) and row.invoice_id:
            found[row.invoice_id] = OpenDispute(
                case_id=row.case_id,
                stage=row.stage,
                deadline=row.next_on,
                **summary.model_dump(include={"reason", "contested", "department", "assignee", "escalated", "raised_on", "raised_by"}),
            )
    return found
