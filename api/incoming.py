"""What the API takes. Dates are ISO 8601; amounts are decimal strings in major units with their currency."""

from datetime import date
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.letter_decisions import LetterDecision
from api.amounts import Amount, PositiveAmount
from domain.acts import CallOutcome


class _In(BaseModel):
    """A misspelt key is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"example": fields})


class PaymentIn(PositiveAmount):
    """Money received. What is more than the open balance stays on the account as unapplied credit."""

    model_config = _example(amount="250.00", currency="EUR", received_on="2013-03-04", reference="bank 4711")

    received_on: date | None = Field(default=None, description="the business date when left out")
    reference: str = Field(default="", max_length=200)


class PromiseIn(PositiveAmount):
    model_config = _example(amount="250.00", currency="EUR", by="2013-03-15")

    by: date


class CallIn(_In):
    """A call that was made. It closes the invoice's open call task."""

    model_config = _example(outcome="reached", note="Payment run is on Friday.")

    outcome: CallOutcome
    note: str = Field(default="", max_length=10_000)


class PauseIn(_In):
    model_config = _example(reason="goods are being checked", until="2013-03-20")

    reason: str = Field(min_length=1, max_length=200, description="kept in the journal for ever: name no person")
    until: date | None = Field(default=None, description="until someone resumes when left out")


class NoteIn(_In):
    model_config = _example(text="Asked for a copy of the delivery note.")

    text: str = Field(min_length=1, max_length=10_000)


class CancellationIn(_In):
    model_config = _example(reason="issued twice")

    reason: str = Field(default="", max_length=200)


class CreditNoteIn(PositiveAmount):
    model_config = _example(amount="40.00", currency="EUR", reason="two items were missing")

    issued_on: date | None = Field(default=None, description="the business date when left out")
    reason: str = Field(default="", max_length=200)


class DecisionIn(_In):
    model_config = _example(decision="resend", comment="Their mail server was full; it is mended.")

    decision: LetterDecision
    comment: str = Field(default="", max_length=1000)


class TaskDoneIn(_In):
    model_config = _example(outcome="The account has a new address.")

    outcome: str = Field(default="", max_length=1000)


class AccountIn(_In):
    """An account as it comes with an invoice: an unknown one is made, a known one takes over what is said anew."""

    id: str = Field(min_length=1, max_length=100)
    name: str = Field(min_length=1, max_length=200)
    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    language: Literal["en", "de", "fr", "es"]
    time_zone: str = Field(max_length=64, description="IANA name")
    email: str = Field(default="", max_length=254)
    collector: str = Field(default="", max_length=100)
    segment: str = Field(default="", max_length=100)


EXAMPLE_INVOICE = {
    "id": "INV-2013-0042",
    "number": "2013-0042",
    "account": {
        "id": "A-7",
        "name": "Brauerei Nord GmbH",
        "country": "DE",
        "language": "de",
        "time_zone": "Europe/Berlin",
        "email": "ap@brauerei.example",
    },
    "issue_date": "2013-02-01",
    "due_date": "2013-03-03",
    "total": {"amount": "250.00", "currency": "EUR"},
}


class InvoiceIn(_In):
    model_config = _example(**EXAMPLE_INVOICE)

    id: str = Field(min_length=1, max_length=100)
    number: str | None = Field(default=None, max_length=100, description="the id when left out")
    account: AccountIn
    issue_date: date
    due_date: date
    total: PositiveAmount
    open_balance: Amount | None = Field(default=None, description="the total when left out")
    disputed: bool = False

    @model_validator(mode="after")
    def _is_in_one_currency(self) -> Self:
        if self.open_balance is not None and self.open_balance.currency != self.total.currency:
            raise ValueError(f"total and open_balance must be in one currency; write both in {self.total.currency}")
        return self


class InvoicesIn(_In):
    """One or many."""

    model_config = _example(invoices=[EXAMPLE_INVOICE])

    invoices: list[InvoiceIn] = Field(min_length=1, max_length=1000)
