"""What a case shows of itself to lists and pages, and the tasks that it asks people to do."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.journal.entry import FactValue
from domain.roles import Role
from domain.timeline.holds import Hold
from domain.timeline.step_schedule import TakenStep


class NextStep(BaseModel):
    """The step that comes next, and when (business time); `due_at` is None while a hold stands or an earlier letter is under way."""

    step: str | None
    due_at: AwareDatetime | None
    waiting_for: str


class AwaitedParties(BaseModel):
    """Who may act on a case now, beside the role that it shows: people of these `roles`, and these `people` themselves."""

    roles: list[Role] = Field(default_factory=list)
    people: list[str] = Field(default_factory=list)


class CaseView(BaseModel):
    """One case as lists and reports show it. Amounts in minor units of `currency`.

    `collection_stage` is the coarse stage that lists made with Temporal's own tools show of an invoice; `held_stage` the one that they
    showed before an invoice was known to be suspended without being on hold for it. `awaiting_role` is set while
    people of that role are to act, `awaited` while others may, too. `summary` says what is peculiar to the kind of case, as it is stored:
    by one of the models of `domain.case_summary`. The timeline, the holds and the promise are an invoice's alone; `disputed` is how much
    of it letters must not ask for.
    """

    case_id: str
    run_id: str
    kind: str
    account_id: str
    invoice_id: str | None
    stage: str
    collection_stage: str | None = None
    held_stage: str | None = None
    next_step: str | None
    next_on: date | None
    waiting_for: str
    awaiting_role: str | None = None
    awaited: AwaitedParties | None = None
    summary: dict[str, FactValue] = Field(default_factory=dict)
    open_balance: int = 0
    currency: str = ""
    due_date: date | None = None
    policy: str | None = None
    policy_version: int | None = None
    disputed: int = 0
    holds: list[Hold] = Field(default_factory=list)
    taken: list[TakenStep] = Field(default_factory=list)
    promised_by: date | None = None
    promised_amount: int | None = None
    promised_on: date | None = None
    outcome: str | None = None


class TaskKind(StrEnum):
    """The tasks that wait for people: what a timeline or a person asks for, letters in trouble, credit to be applied,
    a history that could not be kept, an invoice that a file has under another account, and what billing cannot book from here."""

    CALL = "call"
    ESCALATION = "escalation"
    REFUSED_LETTER = "refused_letter"
    UNKNOWN_LETTER = "unknown_letter"
    NO_ADDRESS = "no_address"
    UNAPPLIED_CREDIT = "unapplied_credit"
    CREDIT_TO_APPLY = "credit_to_apply"
    HISTORY_AT_RISK = "history_at_risk"
    MOVED_INVOICE = "moved_invoice"
    BOOKING_BY_HAND = "booking_by_hand"


class TaskRequest(BaseModel):
    """A task for people of a role, that is opened or, when `done_by` is set, closed. `key` makes it the same one, `kind` is a TaskKind.
    `while_open`: the key of another task, without which being open there is nothing to be done."""

    model_config = ConfigDict(frozen=True)

    key: str
    kind: str
    role: Role
    due_on: date
    done_by: str | None = None
    while_open: str = ""
