"""Turns a credit review's row of the read model into its body."""

from adapters.read_model.cases import CaseRow
from api.presenters.account_cases import present_case_fields
from api.schemas.amounts import Amount
from api.schemas.credit_reviews import CreditReviewOut
from domain.credit_review.summary import CreditReviewSummary


def present_credit_review(row: CaseRow, conditions: str | None = None) -> CreditReviewOut:
    summary = row.summary_of(CreditReviewSummary)
    limit, currency = summary.limit, summary.currency
    return CreditReviewOut(
        **present_case_fields(row),
        reason=summary.reason,
        stopped=summary.stopped,
        segment=summary.segment,
        ability=summary.ability,
        willingness=summary.willingness,
        insolvent=summary.insolvent,
        course=summary.course,
        limit=Amount.from_minor(limit, currency) if limit is not None and currency else None,
        conditions=conditions,
        next_review_on=summary.next_review_on,
        verdict_by=summary.by,
    )
