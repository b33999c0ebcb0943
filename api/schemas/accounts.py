"""The bodies about accounts: their service, balances, contacts and invoices."""

from datetime import date

from pydantic import BaseModel, Field

from api.schemas.amounts import Amount
from api.schemas.invoices import InvoiceSummary
from api.schemas.request_body import RequestBody, example_config
from api.schemas.suspensions import SuspensionStateOut


class ServiceIn(RequestBody):
    model_config = example_config(prepaid=True)

    prepaid: bool = Field(description="served in advance of its money: never suspended for arrears")


class BalanceOut(BaseModel):
    """One currency's. Balances of two currencies are never added."""

    currency: str
    open_balance: Amount
    overdue: Amount
    unapplied: Amount
    open_invoices: int


class AccountSummary(BaseModel):
    id: str
    name: str
    country: str
    time_zone: str
    language: str
    segment: str
    collector: str | None
    prepaid: bool = Field(description="served in advance of its money: never suspended for arrears")
    suspended_on: date | None = Field(description="since when its service is off")
    suspension: SuspensionStateOut | None = Field(default=None, description="null: nobody asked for it")
    balances: list[BalanceOut]


class ContactOut(BaseModel):
    role: str
    name: str
    email: str
    phone: str
    language: str | None


class AccountOut(AccountSummary):
    contacts: list[ContactOut]
    invoices: list[InvoiceSummary]
