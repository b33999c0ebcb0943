"""Turns an approval's row of the read model into its body."""

from datetime import date

from adapters.read_model.cases import CaseRow
from api.schemas.amounts import Amount
from api.schemas.approvals import ApprovalDisputeOut, ApprovalInvoiceOut, ApprovalOut, ContactsOut
from domain.approval.facts import ApprovalDispute, ApprovalInvoice, DecisionFacts
from domain.approval.summary import ApprovalSummary


def present_approval(row: CaseRow, today: date, reason: str | None = None) -> ApprovalOut:
    """`reason`: the text of the note that holds the requester's reason, where one does."""
    summary = row.summary_of(ApprovalSummary)
    facts = summary.facts or DecisionFacts()
    return ApprovalOut(
        id=row.case_id,
        account_id=row.account_id,
        account_name=row.account_name,
        account_number=row.account_number,
        subject=summary.subject,
        invoice_ids=list(summary.invoices),
        matter=summary.matter or "",
        reduction=summary.reduction or None,
        amount=Amount.from_minor(summary.amount, summary.currency),
        credited_before=Amount.from_minor(summary.credited_before, summary.currency) if summary.credited_before else None,
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
        decision_reason=summary.decision_reason,
        facts_version=summary.facts_version or None,
        amounts=[Amount.from_minor(money.minor, money.currency) for money in summary.stated_amounts],
        invoices=[_present_invoice(invoice, today) for invoice in facts.invoices],
        disputes=[_present_dispute(dispute) for dispute in facts.disputes],
        contacts=ContactsOut(**facts.contacts.model_dump()) if summary.facts else None,
        reason=facts.reason or reason or "",
    )


def _present_invoice(invoice: ApprovalInvoice, today: date) -> ApprovalInvoiceOut:
    promised = Amount.from_minor(invoice.promised_amount or 0, invoice.currency) if invoice.promised_by else None
    return ApprovalInvoiceOut(
        id=invoice.invoice_id,
        number=invoice.number,
        amount=Amount.from_minor(invoice.amount, invoice.currency),
        open_balance=Amount.from_minor(invoice.open_balance, invoice.currency),
        disputed=Amount.from_minor(invoice.disputed, invoice.currency),
        due_on=invoice.due_on,
        days_overdue=invoice.count_days_overdue(today),
        promised=promised,
        promised_by=invoice.promised_by,
    )


def _present_dispute(dispute: ApprovalDispute) -> ApprovalDisputeOut:
    return ApprovalDisputeOut(
        id=dispute.case_id,
        invoice_id=dispute.invoice_id,
        amount=Amount.from_minor(dispute.amount, dispute.currency),
        reason=dispute.reason,
        raised_on=dispute.raised_on,
    )
