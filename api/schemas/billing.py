"""The bodies about money: payments, credit notes, cancellations and unapplied credit, and what the ledger booked."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.amounts import Amount, PositiveAmount
from api.schemas.request_body import Day, RequestBody, example_config
from domain.money import Currency

BookingReason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""Why somebody reduces what is owed: never left out, never blank."""


class PaymentIn(PositiveAmount):
    """Money received. What is more than the open balance stays on the account as unapplied credit. A person who books one gives its
    `reference`: by what it is found on the statement."""

    model_config = example_config(amount="250.00", currency="EUR", received_on="2013-03-04", reference="bank 4711")

    received_on: Day | None = Field(default=None, description="the business date when left out")
    reference: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = Field(
        default="", description="required of a person; a machine may leave it out"
    )
    another: bool = Field(
        default=False,
        description="book it, though one of the same account, reference, amount, currency and day is booked: it is another. Under an "
        "Idempotency-Key, the key says which payment it is",
    )


class UnappliedApplicationIn(RequestBody):
    """Which of the account's unapplied credit is to pay its open invoices: all of one currency."""

    model_config = example_config(currency="EUR")

    currency: Currency = Field(description="ISO 4217")


class CancellationIn(RequestBody):
    model_config = example_config(reason="issued twice")

    reason: BookingReason


class CreditNoteIn(PositiveAmount):
    model_config = example_config(amount="40.00", currency="EUR", reason="two items were missing")

    issued_on: Day | None = Field(
        default=None, description="the business date when left out; the day on which it is booked, where others must agree first"
    )
    reason: BookingReason


class LedgerAnswer(BaseModel):
    """What the ledger booked. The case hears of it within moments."""

    id: str = Field(description="of the payment, credit note or cancelled invoice; of the request, when it waits for approval")
    recorded: Literal["now", "queued for approval"] = "now"
    approval_id: str | None = Field(default=None, description="the approval that it waits for; null too while no worker has asked yet")
    invoice_id: str
    status: str
    open_balance: Amount
    unapplied: Amount | None = Field(default=None, description="what the invoice did not need; it is credit of the account")


REDUCTION_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": LedgerAnswer, "description": "Queued for approval: nothing is booked yet"}
}


class ShareOut(BaseModel):
    invoice_id: str
    amount: Amount


class ReversalAnswer(BaseModel):
    """What each invoice owes again."""

    id: str
    owed_again: list[ShareOut]


class UnappliedApplicationAnswer(BaseModel):
    """What each invoice took of the account's unapplied credit, and what is left of it. The cases hear of it within moments."""

    account_id: str
    applied: list[ShareOut]
    unapplied: Amount = Field(description="what no open invoice could take")
