"""How a credit review looks from outside: in lists, and to those who ask its workflow."""

from domain.case.case_view import CaseView
from domain.credit_review.review_case import CreditReviewCase, CreditReviewStage
from domain.identifiers import CaseKind
from domain.journal.journal import FactValue
from domain.roles import Role


def stage(case: CreditReviewCase) -> CreditReviewStage:
    if case.ended:
        return CreditReviewStage.ENDED
    return CreditReviewStage.REFERRED if case.verdict is None or case.due else CreditReviewStage.REVIEWED


def next_step(case: CreditReviewCase) -> str | None:
    """What happens next, if nobody does anything."""
    return "next_review" if case.wakes_at() else None


def _build_summary(case: CreditReviewCase) -> dict[str, FactValue]:
    """The limit is in minor units of its currency."""
    verdict = case.verdict
    found: dict[str, FactValue] = {"reason": case.reason.value if case.reason else None, "stopped": case.stopped, "segment": case.segment}
    if verdict:
        found |= {
            "ability": verdict.ability.value,
            "willingness": verdict.willingness.value,
            "course": verdict.course.value,
            "insolvent": verdict.insolvent,
            "limit": verdict.limit,
            "currency": verdict.currency,
            "conditions": verdict.conditions_note,
            "next_review_on": verdict.next_review_on.isoformat() if verdict.next_review_on else None,
            "by": verdict.actor,
        }
    return found


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
        summary=_build_summary(case),
        outcome=CreditReviewStage.ENDED if case.ended else None,
    )
