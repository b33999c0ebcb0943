"""The bodies about what is to be collected in a month: a target, and what came in of it."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from adapters.portfolio.target_store import CollectionTarget
from api.schemas.amounts import Amount, PositiveAmount
from api.schemas.request_body import RequestBody, example_config

Month = Annotated[
    str, Field(pattern="^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$", description="a calendar month of the business clock, 1900-01 to 2099-12")
]


def write_month(month: date) -> str:
    """`month`: its first day."""
    return month.isoformat()[:7]


class CollectionTargetIn(PositiveAmount):
    """What is to be collected. It takes the place of the target that stands, which stays on record."""

    model_config = example_config(month="2013-03", amount="25000.00", currency="EUR")

    month: Month
    collector: str | None = Field(default=None, min_length=1, max_length=100, description="of whose customers; of all when left out")


class TargetWithdrawalIn(RequestBody):
    """A target that is to count no more."""

    model_config = example_config(month="2013-03", currency="EUR")

    month: Month
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    collector: str | None = Field(default=None, min_length=1, max_length=100)


class CollectionTargetOut(BaseModel):
    """A target as it was set; without an amount, one that was taken back. `set_at` is real time."""

    month: Month
    currency: str
    collector: str | None
    amount: Amount | None
    set_by: str
    set_at: datetime

    @classmethod
    def from_target(cls, target: CollectionTarget) -> "CollectionTargetOut":
        return cls(
            month=write_month(target.month),
            currency=target.currency,
            collector=target.collector or None,
            amount=None if target.amount is None else Amount.from_minor(target.amount, target.currency),
            set_by=target.set_by,
            set_at=target.set_at,
        )


class CollectedPartOut(BaseModel):
    """So much of a payment as an invoice got that was past due when it came in."""

    payment_id: str
    received_on: date
    account_id: str
    account_name: str
    invoice_id: str
    invoice_number: str
    due_date: date
    amount: Amount
