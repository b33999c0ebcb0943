"""How an account once stood, as the API tells it: amounts are decimal strings, as everywhere in it. Moments are business time."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from api.schemas.amounts import Amount
from domain.audit.verification_report import VerificationFinding
from domain.projection.case_facts import CallFacts, EscalationFacts, SuspensionFacts
from domain.projection.state_models import (
    AccountState,
    AwaitedParty,
    CaseState,
    CurrencyBalance,
    HoldState,
    InvoiceState,
    LetterState,
    PinnedPolicy,
)
from domain.timeline.step_schedule import TakenStep


class BalanceAsOfOut(BaseModel):
    """The open invoices of one currency. Balances of two currencies are never added."""

    open_balance: Amount
    overdue: Amount
    disputed: Amount
    open_invoices: int

    @classmethod
    def from_state(cls, balance: CurrencyBalance) -> "BalanceAsOfOut":
        return cls(
            open_balance=Amount.from_minor(balance.open_balance, balance.currency),
            overdue=Amount.from_minor(balance.overdue, balance.currency),
            disputed=Amount.from_minor(balance.disputed, balance.currency),
            open_invoices=balance.open_invoices,
        )


class PromiseAsOfOut(BaseModel):
    """An open one. `received` is what came since it was given."""

    amount: Amount
    received: Amount
    by: date
    made_on: date
    recorded_by: str


class InvoiceAsOfOut(BaseModel):
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
    holds: list[HoldState]
    promise: PromiseAsOfOut | None
    taken: list[TakenStep] = Field(description="the steps of the timeline that had been taken")
    policy: PinnedPolicy | None = Field(description="the version that it followed")

    @classmethod
    def from_state(cls, invoice: InvoiceState) -> "InvoiceAsOfOut":
        currency, promise = invoice.currency, invoice.promise
        return cls(
            **invoice.model_dump(exclude={"currency", "open_balance", "disputed", "promise"}),
            open_balance=Amount.from_minor(invoice.open_balance, currency) if currency else None,
            disputed=Amount.from_minor(invoice.disputed, currency) if currency else None,
            promise=promise
            and PromiseAsOfOut(
                **promise.model_dump(include={"by", "made_on", "recorded_by"}),
                amount=Amount.from_minor(promise.amount, currency),
                received=Amount.from_minor(promise.received, currency),
            ),
        )


class ApprovalAsOfOut(BaseModel):
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


class AccountStateOut(BaseModel):
    """An account as its journal knew it at the end of a day: invoices whose collection had not begun by then are not in it."""

    account_id: str
    at: datetime = Field(description="the last moment that counts")
    entries: int = Field(description="how many entries of the journal this rests on")
    balances: list[BalanceAsOfOut]
    invoices: list[InvoiceAsOfOut]
    letters: list[LetterState] = Field(description="what had been sent, and what was under way")
    calls: list[CallFacts]
    escalations: list[EscalationFacts]
    approvals: list[ApprovalAsOfOut]
    suspensions: list[SuspensionFacts]
    cases: list[CaseState] = Field(description="disputes, plans, approvals, and whatever else was under way or over")
    awaited: list[AwaitedParty] = Field(description="for whose word or deed a case was waiting")
    suspended: bool = Field(description="its service was off")

    @classmethod
    def from_state(cls, state: AccountState) -> "AccountStateOut":
        shown_fields = {"account_id", "at", "entries", "letters", "calls", "escalations", "suspensions", "cases", "awaited", "suspended"}
        return cls(
            **state.model_dump(include=shown_fields),
            balances=[BalanceAsOfOut.from_state(each) for each in state.balances if each.currency],
            invoices=[InvoiceAsOfOut.from_state(each) for each in state.invoices],
            approvals=[
                ApprovalAsOfOut(
                    **each.model_dump(include={"case_id", "subject", "matter", "requested_on", "requester", "result", "ended_on"}),
                    amount=Amount.from_minor(each.amount, each.currency),
                    signed_by=[signature.by for signature in each.signatures if signature.word == "signed"],
                )
                for each in state.approvals
            ],
        )


class CheckedAccountStateOut(BaseModel):
    """`changed` is empty when the standing rests on what was written."""

    standing: AccountStateOut
    changed: list[VerificationFinding] = Field(description="what was changed in the account's journal, on which the standing rests")
