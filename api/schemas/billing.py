"""The bodies about money: payments, credit notes, cancellations and unapplied credit, and what the ledger booked."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from api.schemas.amounts import Amount, PositiveAmount
from api.schemas.request_body import Day, RequestBody, example_config
from domain.money import Currency

BookingReason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""Why somebody reduces what is owed: never left out, never blank."""

CreditId = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class PaymentIn(PositiveAmount):
    """Money received. What is more than the open balance stays on the account as unapplied credit. A person who books one gives its
    `reference`: by what it is found on the statement."""

    model_config = example_config(amount="250.00", currency="EUR", received_on="2013-03-04", reference="bank 4711")

    received_on: Day | None = Field(default=None, description="the business date when left out")
    reference: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = Field(
        default="", description="required of a person; a machine may leave it out"
    )
    another: bool | None = Field(
        default=None,
        description="book it, though one of the same account, reference, amount, currency and day is booked: it is another. Left "
        "out under an Idempotency-Key, the key says which payment it is; false: it is compared all the same",
    )


class CreditShareIn(PositiveAmount):
    """How much of a payment or credit note is to pay which invoice."""

    model_config = example_config(credit_id="payment:11c4d6", invoice_id="INV-1", amount="120.00", currency="EUR")

    credit_id: CreditId = Field(description="of the payment or credit note, as the account's unapplied credit lists it")
    invoice_id: Annotated[str, StringConstraints(min_length=1, max_length=300)]


class UnappliedApplicationIn(RequestBody):
    """Which of the account's unapplied credit is to pay its open invoices: these shares, or all of one currency."""

    model_config = example_config(
        currency="EUR", shares=[{"credit_id": "payment:11c4d6", "invoice_id": "INV-1", "amount": "120.00", "currency": "EUR"}]
    )

    currency: Currency = Field(description="ISO 4217")
    shares: Annotated[list[CreditShareIn], Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="left out: all of the currency's credit, the oldest first, to the oldest due first"
    )

    @model_validator(mode="after")
    def _check_currency(self) -> Self:
        for share in self.shares or ():
            if share.currency != self.currency:
                raise ValueError(f"a share is in {share.currency}, the application in {self.currency}; apply each currency by itself")
        return self


class ApplicationReversalIn(RequestBody):
    """Why an application is taken back."""

    model_config = example_config(reason="meant for another invoice")

    reason: BookingReason


class CancellationIn(RequestBody):
    model_config = example_config(reason="issued twice")

    reason: BookingReason


class ReductionWithdrawalIn(RequestBody):
    model_config = example_config(reason="the items were found")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = Field(default="", description="kept as a note")


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


class CreditShareOut(BaseModel):
    """What an invoice took, or would take, of a payment or credit note."""

    credit_id: str
    invoice_id: str
    amount: Amount


class UnappliedApplicationAnswer(BaseModel):
    """What each invoice took of the account's unapplied credit, and what is left of it. The cases hear of it within moments."""

    id: str | None = Field(description="under which it can be taken back; null where nothing could be applied")
    account_id: str
    shares: list[CreditShareOut]
    applied: list[ShareOut]
    unapplied: Amount = Field(description="what no open invoice could take")


class ApplicationReversalAnswer(BaseModel):
    """What each invoice owes again: as much of it as was still applied."""

    id: str
    application_id: str
    owed_again: list[ShareOut]
    unapplied: Amount


class UnappliedCreditOut(BaseModel):
    """A payment or credit note of which no invoice has taken all."""

    id: str
    kind: Literal["payment", "credit_note"]
    came_on: date
    reference: str
    amount: Amount
    left: Amount


class CreditApplicationOut(BaseModel):
    """Unapplied credit that was applied; with `takes_back`, such an application that was taken back."""

    id: str
    on: date
    by: str = Field(description="`duecourse`: by the policy's rule")
    amount: Amount
    shares: list[CreditShareOut]
    takes_back: str | None = None
    taken_back_by: str | None = Field(default=None, description="the id of what took it back")
    reason: str = ""


class AccountCreditOut(BaseModel):
    """An account's unapplied credit: what is left, what of it the rule would apply, and what was applied."""

    account_id: str
    credits: list[UnappliedCreditOut] = Field(description="the oldest first")
    proposed: list[CreditShareOut] = Field(description="the oldest credit first, to the oldest due first, each currency by itself")
    applications: list[CreditApplicationOut] = Field(description="the latest first")
