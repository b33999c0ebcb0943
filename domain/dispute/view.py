"""How a dispute looks from outside: in lists, and to those who ask its workflow."""

from domain.case.case_view import CaseView
from domain.case.summary_fields import dump_summary
from domain.dispute.dispute_case import DisputeCase
from domain.dispute.state import DisputeStage
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind


def waiting_for(case: DisputeCase) -> str:
    """Who or what moves this case next, as a word that the console translates."""
    match case.stage:
        case DisputeStage.OPEN:
            return (case.escalated_to or case.department).value
        case DisputeStage.APPROVAL:
            return "approval"
        case DisputeStage.BOOKING:
            return "billing"
        case DisputeStage.CLOSED:
            return "nothing"


def next_step(case: DisputeCase) -> str | None:
    match case.stage:
        case DisputeStage.OPEN:
            return "dispute_escalation"
        case DisputeStage.APPROVAL:
            return "approval"
        case DisputeStage.BOOKING:
            return "booking"
        case DisputeStage.CLOSED:
            return None


def _find_awaiting_role(case: DisputeCase) -> str | None:
    return (case.escalated_to or case.department).value if case.stage is DisputeStage.OPEN else None


def _build_summary(case: DisputeCase) -> DisputeSummary:
    return DisputeSummary(
        reason=case.raised.reason,
        amount=case.raised.amount,
        currency=case.facts.currency,
        contested=0 if case.is_closed else case.contested_amount,
        department=case.department,
        assignee=case.assignee,
        escalated=case.escalations > 0,
        raised_by=case.raised.actor,
        raised_on=case.raised_on,
        deadline=case.deadline,
        answer=case.answer.resolution if case.answer else None,
        approvals=case.approvals,
        evidence=tuple(case.evidence),
    )


def build_case_view(case: DisputeCase, run_id: str) -> CaseView:
    policy = case.snapshot
    return CaseView(
        case_id=case.case_id,
        run_id=run_id,
        kind=CaseKind.DISPUTE,
        account_id=case.journal.account_id,
        invoice_id=case.invoice_id,
        stage=case.stage.value,
        awaiting_role=_find_awaiting_role(case),
        summary=dump_summary(_build_summary(case)),
        next_step=next_step(case),
        next_on=case.deadline if case.stage is DisputeStage.OPEN else None,
        waiting_for=waiting_for(case),
        open_balance=case.contested_amount,
        currency=case.facts.currency,
        due_date=case.facts.due_date,
        policy=policy.name,
        policy_version=policy.version,
        outcome=case.resolution.value if case.resolution else None,
    )
