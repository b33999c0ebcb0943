"""How an approval looks in lists and to those who ask its workflow."""

from domain.approval.approval_case import ApprovalCase
from domain.approval.summary import ApprovalSummary, Signatory
from domain.case.case_view import AwaitedParties, CaseView
from domain.case.summary_fields import dump_summary
from domain.identifiers import CaseKind
from domain.policy.approval_matrix import ApprovalTier


def _build_summary(case: ApprovalCase) -> ApprovalSummary:
    question, subject, participants = case.question, case.subject, case.participants
    summary = ApprovalSummary(
        matter=question.matter,
        amount=question.amount,
        currency=question.currency,
        requester=participants.requester,
        also_asked=tuple(participants.also_asked),
        acting_for=tuple(participants.acting_for),
        signed_for=tuple(participants.signers),
        subject=subject.case_id,
        invoices=tuple(subject.invoice_ids),
        tier=min(case.tier + 1, len(case.tiers)),
        tiers=len(case.tiers),
        roles=tuple(case.awaited_roles),
        due_on=case.due_on,
        asked_on=case.asked_at.date() if case.asked_at else None,
        escalated=case.escalated_at is not None,
        details=subject.details,
        signatories=tuple(_build_signatory(tier) for tier in case.tiers),
        signed_by=tuple(signature.actor for signature in case.signatures),
        ended=case.ended_sentence,
    )
    if case.ending and case.ending.reason:
        summary = summary.model_copy(update={"decision_reason": case.ending.reason})
    return summary if case.facts is None else summary.with_facts(case.facts, case.facts_version, case.revisions)


def _build_signatory(tier: ApprovalTier) -> Signatory:
    return Signatory(role=tier.role, quorum=tier.quorum, deadline_days=tier.deadline_days, escalate_to=tier.escalate_to)


def build_case_view(case: ApprovalCase, run_id: str) -> CaseView:
    """`summary` says what is asked, who may sign, who has signed and how it ended, for lists that read no workflow."""
    question, ending = case.question, case.ending
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind=CaseKind.APPROVAL,
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
        awaited=None if case.is_ended else AwaitedParties(roles=case.awaited_roles),
        summary=dump_summary(_build_summary(case)),
    )
