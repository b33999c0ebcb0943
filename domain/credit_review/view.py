"""How a credit review looks from outside: in lists, and to those who ask its workflow."""

from domain.case.case_view import CaseView
from domain.case.summary_fields import dump_summary
from domain.credit_review.review_case import CreditReviewCase, CreditReviewStage
from domain.credit_review.summary import CreditReviewSummary
from domain.identifiers import CaseKind
from domain.roles import Role


def stage(case: CreditReviewCase) -> CreditReviewStage:
    if case.ended:
        return CreditReviewStage.ENDED
    return CreditReviewStage.REFERRED if case.verdict is None or case.due else CreditReviewStage.REVIEWED


def next_step(case: CreditReviewCase) -> str | None:
    """What happens next, if nobody does anything."""
    return "next_review" if case.wakes_at() else None


def _build_summary(case: CreditReviewCase) -> CreditReviewSummary:
    verdict = case.verdict
    if verdict is None:
        return CreditReviewSummary(reason=case.reason, stopped=case.stopped, segment=case.segment)
    return CreditReviewSummary(
        reason=case.reason,
        stopped=case.stopped,
        segment=case.segment,
        ability=verdict.ability,
        willingness=verdict.willingness,
        course=verdict.course,
        insolvent=verdict.insolvent,
        limit=verdict.limit,
        currency=verdict.currency,
        conditions=verdict.conditions_note,
        next_review_on=verdict.next_review_on,
        by=verdict.actor,
    )


def build_case_view(case: CreditReviewCase, run_id: str) -> CaseView:
    wakes_at = case.wakes_at()
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind=CaseKind.CREDIT_REVIEW,
        account_id=case.journal.account_id,
        invoice_id=None,
        stage=stage(case),
        next_step=next_step(case),
        next_on=wakes_at.date() if wakes_at else None,
        waiting_for=case.waiting_for,
        awaiting_role=Role.CREDIT_ANALYST.value if case.waiting_for == "verdict" else None,
        summary=dump_summary(_build_summary(case)),
        outcome=CreditReviewStage.ENDED if case.ended else None,
    )
