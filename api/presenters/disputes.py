"""Turns a dispute's row of the read model into its body."""

from adapters.read_model.cases import CaseRow
from api.schemas.amounts import Amount
from api.schemas.disputes import DisputeOut
from domain.dispute.summary import DisputeSummary


def present_dispute(row: CaseRow) -> DisputeOut:
    summary = row.summary_of(DisputeSummary)
    return DisputeOut(
        id=row.case_id,
        invoice_id=row.invoice_id or "",
        account_id=row.account_id,
        account_name=row.account_name,
        stage=row.stage,
        reason=summary.reason,
        amount=Amount.from_minor(summary.amount, summary.currency),
        contested=Amount.from_minor(summary.contested, summary.currency),
        department=summary.department,
        assignee=summary.assignee,
        waiting_for=row.waiting_for,
        escalated=summary.escalated,
        deadline=row.next_on,
        raised_by=summary.raised_by,
        raised_on=summary.raised_on,
        evidence=list(summary.evidence),
        resolution=row.outcome,
    )
