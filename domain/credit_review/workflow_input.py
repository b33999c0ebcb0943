"""What a credit review's workflow starts with."""

from pydantic import BaseModel, Field

from domain.case.account_case import EarlierRun
from domain.clock import Clock
from domain.credit_review.review_case import CreditReviewCase


class CreditReviewInput(BaseModel):
    """`invoice_ids`: the account's open invoices."""

    account_id: str
    invoice_ids: list[str] = Field(default_factory=list)
    clock: Clock
    earlier: EarlierRun | None = None
    case: CreditReviewCase | None = None
