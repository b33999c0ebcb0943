"""How an account once stood, as the API tells it: amounts are decimal strings, as everywhere in it. Moments are business time."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from api.schemas.amounts import Amount
from domain.audit.verification_report import Fault
from domain.projection.case_facts import CallFacts, EscalationFacts, SuspensionFacts
from domain.projection.state_models import (
    AccountStanding,
    Awaited,
    BalanceStanding,
    CaseStanding,
    HoldStanding,
    InvoiceStanding,
    LetterStanding,
    PinnedPolicy,
)
from domain.timeline.step_schedule import Taken


class StoodBalance(BaseModel):
    """The open invoices of one currency. Balances of two currencies are never added."""

    open_balance: Amount
    overdue: Amount
    disputed: Amount
    open_invoices: int

    @classmethod
    def of(cls, stood: BalanceStanding) -> "StoodBalance":
        return cls(
            open_balance=Amount.of(stood.open_balance, stood.currency), overdue=Amount.of(stood.overdue, stood.currency),
            disputed=Amount.of(stood.disputed, stood.currency), open_invoices=stood.open_invoices,
        )  # fmt: skip


class StoodPromise(BaseModel):
    """An open one. `received` is what came since it was given."""

    amount: Amount
    received: Amount
    by: date
    made_on: date
    recorded_by: str


class StoodInvoice(BaseModel):
    """`stage` is `new`, a status, or the last step that was taken. Amounts are null where the journal does not say their currency: it was
    tampered with."""

    invoice_id: str
    case_id: str
    due_date: date | None
    open_balance: Amount | None
    disputed: Amount | None
    status: str
    stage: str
    waiting_for: str
    next_step: str | None
    next_on: date | None = Field(description="null while it was on hold")
    holds: list[HoldStanding]
    promise: StoodPromise | None
    taken: list[Taken] = Field(description="the steps of the timeline that had been taken")
    policy: PinnedPolicy | None = Field(description="the version that it followed")

    @classmethod
    def of(cls, stood: InvoiceStanding) -> "StoodInvoice":
        currency, promise = stood.currency, stood.promise
        return cls(
            **stood.model_dump(exclude={"currency", "open_balance", "disputed", "promise"}),
            open_balance=Amount.of(stood.open_balance, currency) if currency else None,
            disputed=Amount.of(stood.disputed, currency) if currency else None,
            promise=promise and StoodPromise(
                **promise.model_dump(include={"by", "made_on", "recorded_by"}), amount=Amount.of(promise.amount, currency),
                received=Amount.of(promise.received, currency),
            ),
        )  # fmt: skip


class StoodApproval(BaseModel):
    """`result`: asked, approved, rejected, returned or lapsed."""

    case_id: str
    subject: str = Field(description="the case that asked")
    matter: str
    amount: Amount
    requested_on: date
    requester: str
    signed_by: list[str]
    result: str
    ended_on: date | None


class StandingOut(BaseModel):
    """An account as its journal knew it at the end of a day: invoices whose collection had not begun by then are not in it."""

    account_id: str
    at: datetime = Field(description="the last moment that counts")
    entries: int = Field(description="how many entries of the journal this rests on")
    balances: list[StoodBalance]
    invoices: list[StoodInvoice]
    letters: list[LetterStanding] = Field(description="what had been sent, and what was under way")
    calls: list[CallFacts]
    escalations: list[EscalationFacts]
    approvals: list[StoodApproval]
    suspensions: list[SuspensionFacts]
    cases: list[CaseStanding] = Field(description="disputes, plans, approvals, and whatever else was under way or over")
    awaited: list[Awaited] = Field(description="for whose word or deed a case was waiting")
    suspended: bool = Field(description="its service was off")

    @classmethod
    def of(cls, stood: AccountStanding) -> "StandingOut":
        told = {"account_id", "at", "entries", "letters", "calls", "escalations", "suspensions", "cases", "awaited", "suspended"}
        return cls(
            **stood.model_dump(include=told),
            balances=[StoodBalance.of(each) for each in stood.balances if each.currency],
            invoices=[StoodInvoice.of(each) for each in stood.invoices],
            approvals=[
                StoodApproval(
                    **each.model_dump(include={"case_id", "subject", "matter", "requested_on", "requester", "result", "ended_on"}),
                    amount=Amount.of(each.amount, each.currency),
                    signed_by=[one.by for one in each.signatures if one.word == "signed"],
                )
                for each in stood.approvals
            ],
        )


class StoodOut(BaseModel):
    """`changed` is empty when the standing rests on what was written."""

    standing: StandingOut
    changed: list[Fault] = Field(description="what was changed in the account's journal, on which the standing rests")
