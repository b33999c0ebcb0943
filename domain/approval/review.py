"""What is looked at once more when somebody decides: it may have changed since the approval was asked for."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from domain.approval.delegation import Delegation
from domain.approval.facts import DecisionFacts
from domain.case.asked_invoice import AskedInvoice
from domain.money import Currency


class ReviewRequest(BaseModel):
    """Of which approval, on which business date. `askers`: everybody who asked for it. `delegation`: under which it is to be signed.

    `amounts`, `invoices` and the reason are as the case that asks knows them; None in `invoices` where the approval binds no facts.
    """

    model_config = ConfigDict(frozen=True)

    account_id: str
    askers: list[str]
    today: date
    delegation: Delegation | None = None
    amounts: dict[Currency, int] = Field(default_factory=dict)
    invoices: list[AskedInvoice] | None = None
    reason: str = ""
    note_id: str | None = None


class DecisionReview(BaseModel):
    """`acting_for`: those for whom one of the askers may act by delegation now. `in_force`: the delegation was made, and stands.

    `balances`: what is open of each invoice in billing (minor units), whatever the case that asks has heard of it.
    """

    model_config = ConfigDict(frozen=True)

    acting_for: list[str] = Field(default_factory=list)
    in_force: bool = True
    facts: DecisionFacts | None = None
    balances: dict[str, int] = Field(default_factory=dict)
