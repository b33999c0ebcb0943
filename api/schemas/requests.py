"""What the API takes. Dates are ISO 8601; amounts are decimal strings in major units with their currency."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from adapters.correspondence.letter_decisions import LetterDecision
from adapters.i18n.languages import Language
from api.schemas.amounts import Amount, PositiveAmount
from api.schemas.request_body import RequestBody, example_config
from domain.approval.commands import ApprovalVerdict
from domain.dispute.commands import DisputeSource
from domain.invoice.commands import CallOutcome
from domain.money import Currency
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.roles import Role


class PaymentIn(PositiveAmount):
    """Money received. What is more than the open balance stays on the account as unapplied credit."""

    model_config = example_config(amount="250.00", currency="EUR", received_on="2013-03-04", reference="bank 4711")

    received_on: date | None = Field(default=None, description="the business date when left out")
    reference: str = Field(default="", max_length=200)


class UnappliedApplicationIn(RequestBody):
    """Which of the account's unapplied credit is to pay its open invoices: all of one currency."""

    model_config = example_config(currency="EUR")

    currency: Currency = Field(description="ISO 4217")


class PromiseIn(PositiveAmount):
    model_config = example_config(amount="250.00", currency="EUR", by="2013-03-15")

    by: date


class CallIn(RequestBody):
    """A call that was made. It closes the invoice's open call task."""

    model_config = example_config(outcome="reached", note="Payment run is on Friday.")

    outcome: CallOutcome
    note: str = Field(default="", max_length=10_000)


class PauseIn(RequestBody):
    model_config = example_config(reason="goods are being checked", until="2013-03-20")

    reason: str = Field(min_length=1, max_length=200, description="kept in the journal for ever: name no person")
    until: date | None = Field(default=None, description="until someone resumes when left out")


class ServiceIn(RequestBody):
    model_config = example_config(prepaid=True)

    prepaid: bool = Field(description="served in advance of its money: never suspended for arrears")


class NoteIn(RequestBody):
    model_config = example_config(text="Asked for a copy of the delivery note.")

    text: str = Field(min_length=1, max_length=10_000)


class CancellationIn(RequestBody):
    model_config = example_config(reason="issued twice")

    reason: str = Field(default="", max_length=200)


class CreditNoteIn(PositiveAmount):
    model_config = example_config(amount="40.00", currency="EUR", reason="two items were missing")

    issued_on: date | None = Field(default=None, description="the business date when left out")
    reason: str = Field(default="", max_length=200)


class DecisionIn(RequestBody):
    model_config = example_config(decision="resend", comment="Their mail server was full; it is mended.")

    decision: LetterDecision
    comment: str = Field(default="", max_length=1000)


class TaskDoneIn(RequestBody):
    model_config = example_config(outcome="The account has a new address.")

    outcome: str = Field(default="", max_length=1000)


class DisputeIn(PositiveAmount):
    """What the customer contests, at most the open balance. The undisputed rest goes on being collected."""

    model_config = example_config(amount="40.00", currency="EUR", reason="wrong_quantity", comment="Two boxes were missing.")

    reason: DisputeReason
    source: DisputeSource = DisputeSource.COLLECTOR
    comment: str = Field(default="", max_length=10_000)
    evidence: list[str] = Field(default_factory=list, max_length=50, description="the SHA-256 of files that are stored here")


class AssignmentIn(RequestBody):
    """To a person of the department that owns it, or to another department, whose time then starts anew."""

    model_config = example_config(assignee="ben", comment="Knows the customer.")

    department: Role | None = None
    assignee: str | None = Field(default=None, min_length=1, max_length=100)
    comment: str = Field(default="", max_length=10_000)


class ResolutionIn(RequestBody):
    """`amount`: what a credit note credits, or the corrected invoice's new total. `reference`: of the payment that was found, or of the
    corrected invoice."""

    model_config = example_config(
        resolution="credit_note", amount={"amount": "40.00", "currency": "EUR"}, comment="Two boxes were missing."
    )

    resolution: DisputeResolution
    amount: Amount | None = None
    reference: str = Field(default="", max_length=200, description="kept in the journal for ever: name no person")
    comment: str = Field(default="", max_length=10_000)


class ApprovalDecisionIn(RequestBody):
    """A rejection or a return says why, or what to change."""

    model_config = example_config(decision="return", comment="Please attach the delivery note.")

    decision: ApprovalVerdict
    comment: str = Field(default="", max_length=10_000)


class DelegationIn(RequestBody):
    """From the first business date to the last, both included."""

    model_config = example_config(to_user="otto", first_day="2013-03-04", last_day="2013-03-15")

    to_user: str = Field(min_length=1, max_length=100)
    first_day: date
    last_day: date


class AccountIn(RequestBody):
    """An account as it comes with an invoice: an unknown one is made, a known one takes over what is said anew."""

    id: str = Field(min_length=1, max_length=100)
    name: str = Field(min_length=1, max_length=200)
    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    language: Language
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


class InvoiceIn(RequestBody):
    model_config = example_config(**EXAMPLE_INVOICE)

    id: str = Field(min_length=1, max_length=100)
    number: str | None = Field(default=None, max_length=100, description="the id when left out")
    account: AccountIn
    issue_date: date
    due_date: date
    total: PositiveAmount
    open_balance: Amount | None = Field(default=None, description="the total when left out")
    disputed: bool = False

    @model_validator(mode="after")
    def _validate_currency(self) -> Self:
        if self.open_balance is not None and self.open_balance.currency != self.total.currency:
            raise ValueError(f"total and open_balance must be in one currency; write both in {self.total.currency}")
        return self


class InvoicesIn(RequestBody):
    """One or many."""

    model_config = example_config(invoices=[EXAMPLE_INVOICE])

    invoices: list[InvoiceIn] = Field(min_length=1, max_length=1000)
