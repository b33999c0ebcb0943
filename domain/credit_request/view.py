"""How a credit request looks in lists and to those who ask its workflow."""

from domain.case.case_view import CaseView
from domain.case.summary_fields import dump_summary
from domain.credit_request.request_case import APPROVAL_SEQUENCE, CreditRequestCase
from domain.credit_request.summary import CreditRequestSummary
from domain.identifiers import CaseKind


def _build_summary(case: CreditRequestCase) -> CreditRequestSummary:
    asked = case.request
    return CreditRequestSummary(
        reduction=asked.reduction.value if asked else "",
        amount=asked.amount if asked else 0,
        currency=asked.facts.currency if asked else "",
        requester=asked.actor if asked else "",
        approvals=case.last_number(APPROVAL_SEQUENCE),
        refused=case.refused,
    )


def build_case_view(case: CreditRequestCase, run_id: str) -> CaseView:
    asked = case.request
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind=CaseKind.CREDIT_REQUEST,
        account_id=case.journal.account_id,
        invoice_id=case.invoice_id,
        stage=case.stage.value,
        next_step=None,
        next_on=None,
        waiting_for=case.waiting_for,
        open_balance=asked.amount if asked else 0,
        currency=asked.facts.currency if asked else "",
        summary=dump_summary(_build_summary(case)),
        outcome=None if case.is_under_way else case.stage.value,
    )
