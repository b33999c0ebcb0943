"""What the worklist answers, with its reasons in words; and what was set aside."""

from datetime import date

from pydantic import AwareDatetime, BaseModel, Field

from adapters.set_aside.stages import SetAsideReason, SetAsideStage
from api.schemas.amounts import Amount
from api.schemas.correspondence import CalledInvoiceOut
from domain.portfolio.worklist_ranking import WorkKind
from domain.roles import Role

AVAILABLE_OPERATIONS: dict[WorkKind, tuple[str, ...]] = {
    WorkKind.CALL: (
        "log_account_call",
        "log_call",
        "make_promise",
        "raise_dispute",
        "escalate_invoice",
        "pause_account",
        "escalate_account",
    ),
    WorkKind.ESCALATION: ("answer_escalation", "close_task"),
    WorkKind.REFUSED_LETTER: ("decide_letter", "skip_letter"),
    WorkKind.UNKNOWN_LETTER: ("decide_letter", "skip_letter"),
    WorkKind.NO_ADDRESS: ("close_task", "skip_letter"),
    WorkKind.PROMISE_DUE: ("log_call", "record_payment", "make_promise", "pause_account"),
    WorkKind.PROMISE_BROKEN: ("log_call", "make_promise", "propose_plan", "refer_account", "escalate_invoice", "escalate_account"),
    WorkKind.APPROVAL: ("decide_approval",),
    WorkKind.DISPUTE: ("resolve_dispute", "assign_dispute", "attach_evidence"),
    WorkKind.PLAN_RETURNED: ("revise_plan", "cancel_plan"),
    WorkKind.PLAN_MISSED: ("log_call", "record_payment", "revise_plan", "cancel_plan"),
    WorkKind.OFFER_LAPSING: ("accept_plan", "decline_plan", "revise_plan"),
    WorkKind.SUSPENSION_RETURNED: ("ask_suspension_again", "withdraw_suspension"),
    WorkKind.WARNING_UNDELIVERED: ("send_warning_again", "decide_letter", "withdraw_suspension"),
    WorkKind.CREDIT_REVIEW: ("give_verdict", "close_credit_review"),
    WorkKind.WRITE_OFF: ("decide_write_off",),
    WorkKind.TIMELINE_END: ("refer_account", "ask_suspension", "propose_plan", "issue_credit_note", "cancel_invoice"),
    WorkKind.UNREACHED_ROLE: (),
    WorkKind.SET_ASIDE: ("retry_set_aside",),
    WorkKind.UNREACHED_PERSON: (),
    WorkKind.MOVED_INVOICE: ("close_task", "cancel_invoice"),
    WorkKind.CREDIT_TO_APPLY: ("apply_unapplied_credit", "close_task"),
    WorkKind.BOOKING_BY_HAND: ("close_task",),
    WorkKind.OTHER: (),
}
"""What a person can do about each kind of work, by the names of operations in /openapi.json. Roles are given by the command line."""


UNTRACED_LETTER_OPERATIONS = ("resend_letter", "skip_letter")
"""What a person can do about a letter of which there is no trace: it has no number by which it could be decided."""


class PointsOut(BaseModel):
    """How the score comes about: urgency of at most 50, money of at most 30, lateness of at most 20."""

    urgency: int
    money: int
    lateness: int


class WorkItemOut(BaseModel):
    """One thing to do. `at_risk`: the money that hangs on it, the amount that weighs most first, never added across currencies."""

    id: str
    kind: WorkKind
    account_id: str
    account_name: str
    collector: str | None
    invoice_id: str | None
    invoice_number: str | None
    case_id: str | None
    task_id: int | None
    letter_id: int | None
    escalation: str | None = Field(default=None, description="the id under which an escalation is answered; null for one of the timeline")
    suspended_on: date | None = Field(default=None, description="since when the account's service is off")
    invoices: list[CalledInvoiceOut] = Field(description="of a call: the account's invoices that ask for it, the oldest due first")
    at_risk: list[Amount]
    due_on: date | None = Field(description="the last day in time; null: at once")
    days_late: int
    score: int = Field(description="0 to 100; what has the highest comes first")
    points: PointsOut
    why: list[str] = Field(description="sentences in the reader's language")
    covering_for: str | None = Field(description="the collector whose account or task it is, while you cover for them")
    link: str = Field(description="the console's page about it")
    can_do: list[str] = Field(description="names of operations")


class AccountPlaceOut(BaseModel):
    """Whose list an account is on today, or why it is on nobody's."""

    account_id: str
    account_name: str
    on_my_list: list[str] = Field(description="the ids of its items on your own worklist")
    on_other_lists: int = Field(description="how many of its items wait for somebody else, or for another role")
    says: list[str] = Field(description="sentences in the reader's language")


class UnreachedCaseOut(BaseModel):
    """A case that waits for a role. `notices`: how many notices of its wait until somebody can be told."""

    case_id: str
    account_id: str
    account_name: str
    since: date | None = Field(description="the business date on which somebody was first to be told; null: nobody was to be")
    notices: int


class UnreachedRoleOut(BaseModel):
    """A role that nobody with an address has, so that nobody is told of what waits for it."""

    role: Role
    since: date | None
    cases: list[UnreachedCaseOut] = Field(description="the longest waiting first")


class UnreachedPersonOut(BaseModel):
    """A user without an address, who is told nothing of what waits for them."""

    person: str
    since: date | None
    cases: list[UnreachedCaseOut] = Field(description="the longest waiting first")


class LateNoticeOut(BaseModel):
    """A notice that had waited. `told`: the users to whom it went at last; nobody, where there was nothing left to tell."""

    role: Role | None = Field(description="null: it waited for a person by name")
    person: str | None = Field(description="null: it waited for a role")
    notice: str = Field(description="its template, such as escalation_raised")
    case_id: str
    account_id: str
    asked_on: date
    settled_on: date
    told: list[str]


class UnreachedRolesOut(BaseModel):
    roles: list[UnreachedRoleOut]
    people: list[UnreachedPersonOut]
    settled: list[LateNoticeOut] = Field(description="what became of the last notices that waited, the latest first")


class SetAsideOut(BaseModel):
    """Something that failed and was set aside, so that the rest went on. All times are real time."""

    id: int
    stage: SetAsideStage
    item_id: str = Field(description="the id of what was set aside: an invoice, a letter, a case, an account …, as the stage says")
    account_id: str = Field(description="the account that it is about; empty: none, or several")
    reason: SetAsideReason
    says: str = Field(description="what is set aside and why, in the reader's language")
    detail: str = Field(description="the error in its own words")
    first_failed_at: AwareDatetime
    last_tried_at: AwareDatetime
    attempts: int
    next_try_at: AwareDatetime = Field(description="when it is tried again by itself, or as soon after as its stage runs")
    retried_by: str | None = Field(description="who last asked that it be tried at once")
    retried_at: AwareDatetime | None
