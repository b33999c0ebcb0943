"""How an approval looks in lists and to those who ask its workflow."""

from domain.approval.approval_case import ApprovalCase
from domain.case.case_view import CaseView


def build_case_view(case: ApprovalCase, run_id: str) -> CaseView:
    """`summary` says what is asked, who may sign, who has signed and how it ended, for lists that read no workflow."""
    question, subject, ending = case.question, case.subject, case.ending
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind="approval",
        account_id=case.journal.account_id,
        invoice_id=case.journal.invoice_id,
        stage=case.state,
        next_step=None if case.is_ended else "decision",
        next_on=case.due_on,
        waiting_for=case.waiting_for,
        awaiting_role=None if case.is_ended else case.awaited_roles[-1].value,
        open_balance=question.amount,
        currency=question.currency,
        outcome=ending.result.value if ending else None,
        summary={
            "matter": question.matter.value,
            "amount": question.amount,
            "currency": question.currency,
            "requester": case.requester,
            "subject": subject.case_id,
            "invoices": " ".join(subject.invoice_ids),
            "tier": min(case.tier + 1, len(case.tiers)),
            "tiers": len(case.tiers),
            "roles": " ".join(role.value for role in case.awaited_roles),
            "due_on": case.due_on and str(case.due_on),
            "asked_on": case.asked_at and str(case.asked_at.date()),
            "escalated": case.escalated_at is not None,
            **subject.details,
            "signed_by": " ".join(given.actor for given in case.signatures),
            "ended": case.ended_sentence,
        },
    )
