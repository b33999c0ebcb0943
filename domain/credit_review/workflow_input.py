"""What a credit review's workflow starts with."""

from pydantic import Field

from domain.case.account_case import EarlierRun
from domain.case.workflow_input import CaseInput
from domain.credit_review.review_case import CreditReviewCase


class CreditReviewInput(CaseInput):
    """`invoice_ids`: the account's open invoices."""

    account_id: str
    invoice_ids: list[str] = Field(default_factory=list)
    earlier: EarlierRun | None = None
    case: CreditReviewCase | None = None
