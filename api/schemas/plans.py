"""What the API takes and answers about payment plans. Amounts are decimal strings in major units with their currency."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, Field, model_validator

from api.schemas.amounts import Amount, PositiveAmount
from api.schemas.cases import CaseOut
from api.schemas.command_answer import CommandAnswer
from api.schemas.request_body import Day, RequestBody, Version, example_config
from api.web.problems import invalid_request_problem
from domain.money import Currency
from domain.payment_plan.commands import Side
from domain.payment_plan.instalments import DebtPortion, InstalmentFrequency, InstalmentTerms
from domain.refusal import Refusal


class PortionIn(PositiveAmount):
    due_on: Day


class TermsIn(RequestBody):
    """Either `equal`, so many equal parts from `first_on` in a rhythm, or `custom`, each part with its day; a first payment goes ahead."""

    first_on: Day | None = Field(default=None, description="of the first payment and the first equal part; custom parts alone need none")
    equal: int | None = Field(default=None, ge=1, le=1000)
    rhythm: InstalmentFrequency = InstalmentFrequency.MONTHLY
    custom: list[PortionIn] = Field(default_factory=list, max_length=1000)
    first_payment: PositiveAmount | None = Field(default=None, description="due on first_on; the equal parts then begin one rhythm later")
    interest_percent: Decimal = Field(default=Decimal(0), ge=0, le=100, max_digits=7, description="per year, simple; a decimal string")

    @model_validator(mode="after")
    def _validate_alternatives(self) -> Self:
        if (self.equal is None) == (not self.custom):
            raise ValueError(Refusal("terms.either", "name either a number of equal instalments or the custom ones"))
        if self.first_on is None and (self.equal or self.first_payment):
            raise ValueError(Refusal("terms.no_first_day", "name in first_on the day on which the first of it is due"))
        return self

    def build_terms(self, currency: str) -> InstalmentTerms:
        """Raises Problem for an amount in another currency than the plan's."""
        for index, part in enumerate(self.custom):
            _require_currency(currency, part.currency, f"/terms/custom/{index}/currency")
        if self.first_payment:
            _require_currency(currency, self.first_payment.currency, "/terms/first_payment/currency")
        return InstalmentTerms(
            first_on=self.first_on or self.custom[0].due_on,
            equal=self.equal,
            rhythm=self.rhythm,
            custom=[DebtPortion(due_on=part.due_on, amount=part.minor) for part in self.custom],
            first_payment=self.first_payment.minor if self.first_payment else 0,
            interest_percent=self.interest_percent,
        )


def _require_currency(currency: str, written: str, pointer: str) -> None:
    if written != currency:
        raise invalid_request_problem(
            pointer, Refusal("amount.plan_currency", "the plan is in {currency}; write the amount in {currency} too", currency=currency)
        )


EXAMPLE_TERMS: dict[str, Any] = {"first_on": "2013-04-01", "equal": 3, "rhythm": "monthly", "interest_percent": "4.5"}


class PlanPreviewIn(RequestBody):
    """The invoices of one account and one currency, and how they are to be paid off."""

    model_config = example_config(invoices=["INV-2013-0042"], currency="EUR", terms=EXAMPLE_TERMS)

    invoices: list[str] = Field(min_length=1, max_length=500)
    currency: Currency
    terms: TermsIn


class PlanIn(PlanPreviewIn):
    """A plan is offered to the customer once those whom the approval matrix names have agreed."""

    model_config = example_config(
        invoices=["INV-2013-0042"], currency="EUR", terms=EXAMPLE_TERMS, asked_by="customer", why="seasonal business", comment="Rang today."
    )

    asked_by: Side = Side.US
    why: str = Field(default="", max_length=200, description="kept in the journal for ever: name no person")
    comment: str = Field(default="", max_length=10_000)


class RevisionIn(RequestBody):
    """Other terms for what is still owed. Until the customer accepts them, those in force hold."""

    model_config = example_config(terms=EXAMPLE_TERMS, asked_by="customer", why="wants smaller instalments")

    terms: TermsIn
    asked_by: Side = Side.US
    why: str = Field(min_length=1, max_length=200, description="kept in the journal for ever: name no person")
    comment: str = Field(default="", max_length=10_000)


class PlanAnswerIn(RequestBody):
    """What the customer said to one revision: an answer to terms that were replaced since is refused."""

    model_config = example_config(revision=1, comment="By e-mail of today.")

    revision: Version
    comment: str = Field(default="", max_length=10_000)


class PlanCancellationIn(RequestBody):
    model_config = example_config(why="the customer was sold")

    why: str = Field(min_length=1, max_length=200, description="kept in the journal for ever: name no person")


class InstalmentOut(BaseModel):
    number: int
    due_on: date
    amount: Amount
    interest: Amount = Field(description="of the amount")


class ScheduleOut(BaseModel):
    """What the customer would pay."""

    debt: Amount
    interest: Amount
    total: Amount
    last_on: date
    instalments: list[InstalmentOut]


class PlanStarted(CommandAnswer):
    plan_id: str


class PlanOut(CaseOut):
    """`revision`, `total`, `interest` and `outstanding` are those of the terms in force or, before any are, of those under negotiation."""

    currency: str
    in_force: bool
    revision: int
    total: Amount
    interest: Amount
    received: Amount = Field(description="since the proposal")
    outstanding: Amount
    instalments_missed: int = Field(description="so many are in their days of grace")
    made_by: str = Field(description="who put forward the last terms")
    answer_by: date | None = Field(description="the last day for the customer to accept or the author to revise what was returned")
    reason: str = Field(description="why it is over")


class PlanInstalmentOut(InstalmentOut):
    paid: Amount
    missed: bool = Field(description="its day passed without the money; it has days of grace")
    grace_until: date | None


class PlanRevisionOut(BaseModel):
    number: int
    made_by: str
    made_at: datetime
    asked_by: str | None
    why: str
    comment: str | None
    instalments: int
    first_on: date
    last_on: date
    total: Amount
    interest: Amount
    fate: str | None = Field(description="what became of it: the last entry of the journal that speaks of it")
    fate_by: str | None
    fate_at: datetime | None


class PlanDetail(PlanOut):
    instalments: list[PlanInstalmentOut]
    proposed: ScheduleOut | None = Field(description="the terms that are to take the place of those in force")
    revisions: list[PlanRevisionOut] = Field(description="the oldest first")
