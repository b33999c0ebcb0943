"""An account's state as of a past day. Amounts in minor units of the currency beside them; moments are business time (UTC)."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.billing.billing_events import InvoiceStatus
from domain.policy.collection_policy import Policy
from domain.projection.case_facts import (
    ApprovalFacts,
    CallFacts,
    DisputeFacts,
    EscalationFacts,
    PlanFacts,
    PromiseFacts,
    SuspensionFacts,
    VerdictFacts,
    WriteOffFacts,
)
from domain.timeline.step_schedule import TakenStep

PoliciesByVersion = Mapping[tuple[str, int], Policy]
"""All policies that were in force at any time, by name and version."""


class StateModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class PinnedPolicy(StateModel):
    """The policy that a case followed, and the number of the entry that records it."""

    name: str
    version: int
    sha256: str
    entry: int

    @property
    def key(self) -> tuple[str, int]:
        return self.name, self.version


class HoldState(StateModel):
    """`hold_id` is also the id of the case that placed it, where one did; `entry` is the number of the entry that records it."""

    hold_id: str
    kind: str
    since: AwareDatetime
    until: date | None
    reason: str
    entry: int


class PromiseState(StateModel):
    """An open promise. `received` is the amount paid since it was given."""

    amount: int
    by: date
    made_on: date
    recorded_by: str
    received: int
    entry: int


class InvoiceState(StateModel):
    """`stage` is `new`, a status or the last step taken; `waiting_for` a word of the case's. `next_on` is None while it is on hold."""

    invoice_id: str
    case_id: str
    currency: str
    due_date: date | None
    open_balance: int
    disputed: int
    status: str
    stage: str
    waiting_for: str
    next_step: str | None
    next_on: date | None
    holds: list[HoldState]
    promise: PromiseState | None
    taken: list[TakenStep]
    policy: PinnedPolicy | None

    @property
    def is_settled(self) -> bool:
        return self.status != InvoiceStatus.OPEN


class LetterFate(StrEnum):
    """What a letter's fate is called while, or because, it has no LetterResult."""

    UNDER_WAY = "under_way"
    WITHDRAWN = "withdrawn"


class LetterState(StateModel):
    """A letter as one case knows it; one that several invoices share has one Message-ID. `name` is the step, or what the case calls it.

    `fate` is a LetterResult or a LetterFate. `at` is when that came about, though the case may have recorded it days later; `requested_at`
    is None for a letter whose case journals only its outcome.
    """

    case_id: str
    invoice_id: str | None
    name: str
    requested_at: AwareDatetime | None
    fate: str
    at: AwareDatetime | None
    reason: str
    message_id: str | None


class CaseState(StateModel):
    """A case other than an invoice's. `due_on`: the day by which those it waits for are to act, where its journal names one."""

    case_id: str
    kind: str
    invoice_id: str | None
    stage: str
    waiting_for: str
    due_on: date | None
    begun_on: date
    changed_on: date


class AwaitedParty(StateModel):
    """Somebody whom a case waits for: a role, or a word such as `customer`. `due_on`: the day by which they are to act."""

    case_id: str
    whom: str
    due_on: date | None


class CurrencyBalance(StateModel):
    """The open invoices of one currency. `overdue`: those past their due date; balances of two currencies are never added."""

    currency: str
    open_balance: int
    overdue: int
    disputed: int
    open_invoices: int


class AccountState(StateModel):
    """An account as of a moment: only invoices whose collection had begun are in it. `entries` is the number of entries that it rests on.

    `suspended`: its service was switched off, and not on again.
    """

    account_id: str
    at: datetime
    entries: int
    balances: list[CurrencyBalance]
    invoices: list[InvoiceState]
    letters: list[LetterState]
    calls: list[CallFacts]
    promises: list[PromiseFacts]
    escalations: list[EscalationFacts]
    disputes: list[DisputeFacts]
    plans: list[PlanFacts]
    approvals: list[ApprovalFacts]
    suspensions: list[SuspensionFacts]
    verdicts: list[VerdictFacts]
    write_off: WriteOffFacts
    cases: list[CaseState]
    awaited: list[AwaitedParty]
    suspended: bool
