"""What an invoice's workflow hands to the database in one local activity, and what it hears back.

A local activity's arguments are not kept in the workflow's history, its result is: entries and read model go in,
the journal's head comes out.
"""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.dispute_acts import PastDispute
from domain.holds import Hold, Span
from domain.journal import Entry, Fact
from domain.policy import ContactRules, StepAct
from domain.roles import Role
from domain.timeline import Taken


class LetterFate(StrEnum):
    """What became of a letter. Anything else is still under way."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


class DropReason(StrEnum):
    """Why a requested letter was not sent."""

    SETTLED = "settled"
    DISPUTED = "disputed"
    ON_HOLD = "on_hold"
    BELOW_MINIMUM = "below_minimum"
    LAPSED = "lapsed"
    NOT_DUE = "not_due"


class LetterNews(BaseModel):
    """What became of the letter that a step asked for. `attempt` counts how often the step asked; `on` is the customer's date. `sha256` is
    that of the content of a letter that was sent; it binds the letter to the journal."""

    model_config = ConfigDict(frozen=True)

    step: str
    attempt: int
    fate: LetterFate
    at: AwareDatetime
    on: date
    message_id: str | None = None
    reason: str = ""
    sha256: str | None = None

    @property
    def key(self) -> str:
        return f"{self.step}#{self.attempt}:{self.fate}"

    @property
    def proof(self) -> dict[str, str]:
        """The fact by which the journal knows the letter again; none for one that was not sent, or was sent by an earlier release, whose
        histories must replay as they are."""
        return {"sha256": self.sha256} if self.sha256 else {}


class Ask(BaseModel):
    """A step asks for contact. `not_after` is the last day on which a letter that makes sense only before the due date may go."""

    model_config = ConfigDict(frozen=True)

    step: str
    rank: int
    act: StepAct
    letter: str | None
    escalate_to: str | None
    not_before: date
    not_after: date | None
    contact: ContactRules
    hours_matter: bool
    catch_up_days: int
    minimum: int = 1


class CaseView(BaseModel):
    """One case as lists and reports show it. Amounts in minor units of `currency`.

    `awaiting_role` is set while people of that role are to act. `summary` says what is peculiar to the kind of case. The timeline, the
    holds and the promise are an invoice's alone; `disputed` is how much of it letters must not ask for.
    """

    case_id: str
    run_id: str
    kind: str
    account_id: str
    invoice_id: str | None
    stage: str
    next_step: str | None
    next_on: date | None
    waiting_for: str
    awaiting_role: str | None = None
    summary: dict[str, Fact] = Field(default_factory=dict)
    open_balance: int = 0
    currency: str = ""
    due_date: date | None = None
    policy: str | None = None
    policy_version: int | None = None
    disputed: int = 0
    holds: list[Hold] = Field(default_factory=list)
    taken: list[Taken] = Field(default_factory=list)
    promised_by: date | None = None
    promised_amount: int | None = None
    outcome: str | None = None


class EarlierRun(BaseModel):
    """What a case of the same id goes on with after an earlier one ended: its chain, and the numbers that are used up."""

    seq: int
    head: str
    seen: list[str] = Field(default_factory=list)
    numbers: dict[str, int] = Field(default_factory=dict)


class Errand(BaseModel):
    """A task for people of a role, that is opened or, when `done_by` is set, closed. `key` makes it the same one."""

    model_config = ConfigDict(frozen=True)

    key: str
    kind: str
    role: Role
    due_on: date
    done_by: str | None = None


class Carried(EarlierRun):
    """What an invoice that is taken up again goes on with besides: the steps it took, the time it spent on hold, its disputes, and the
    cases of its account that hear of it."""

    taken: list[Taken] = Field(default_factory=list)
    past: list[Span] = Field(default_factory=list)
    broken_promises: int = 0
    heard: list[str] = Field(default_factory=list)
    disputes: list[PastDispute] = Field(default_factory=list)
    followers: list[str] = Field(default_factory=list)
    closed_at: AwareDatetime | None = None


class Record(BaseModel):
    """Everything that one wake of a workflow writes, in one transaction."""

    now: AwareDatetime
    entries: list[Entry]
    case: CaseView
    carried: Carried
    ask: Ask | None = None
    await_letter: bool = False
    withdraw: DropReason | None = None
    errands: list[Errand] = Field(default_factory=list)
    seen: list[str] = Field(default_factory=list)
    heard: list[str] = Field(default_factory=list)


class Recorded(BaseModel):
    """What the database answers.

    `contact_on`: the customer's date of the slot that the ask was given. `under_way`: the letter awaited has not come to its end.
    `carried` is set, and nothing was written, when an earlier run of the case left a chain to go on with.
    """

    head: str
    contact_on: date | None = None
    under_way: bool = False
    letters: list[LetterNews] = Field(default_factory=list)
    withdrawn: list[str] = Field(default_factory=list)
    carried: Carried | None = None
