"""Turns an approval's row of the read model into its body."""

from adapters.read_model.cases import CaseRow
from api.schemas.amounts import Amount
from api.schemas.approvals import ApprovalOut
from domain.approval.summary import ApprovalSummary


def present_approval(row: CaseRow) -> ApprovalOut:
    summary = row.summary_of(ApprovalSummary)
    return ApprovalOut(
        id=row.case_id,
        account_id=row.account_id,
        account_name=row.account_name,
        subject=summary.subject,
        invoice_ids=list(summary.invoices),
        matter=summary.matter or "",
        amount=Amount.from_minor(summary.amount, summary.currency),
        requester=summary.requester,
        state=row.stage,
        tier=summary.tier,
        tiers=summary.tiers,
        roles=[role.value for role in summary.roles],
        escalated=summary.escalated,
        asked_on=summary.asked_on,
        due_on=summary.due_on,
        signed_by=list(summary.signed_by),
        ended=summary.ended,
    )
