"""The open disputes of invoices, as the invoices show them: how much is contested, who must answer, and by when."""

from collections.abc import Collection
from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.tables import Case
from domain.case_summary import parse_case_summary
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
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
