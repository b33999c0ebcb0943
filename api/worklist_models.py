"""What the worklist answers, with its reasons in words."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from api.amounts import Amount
from api.phrases import Phrases
from api.readings.worklist import Line
from domain.money import Money
from domain.worklist import Work

ACTS: dict[Work, tuple[str, ...]] = {
    Work.CALL: ("log_call", "make_promise", "raise_dispute", "escalate_invoice"),
    Work.ESCALATION: ("answer_escalation", "close_task"),
    Work.REFUSED_LETTER: ("decide_letter",),
    Work.UNKNOWN_LETTER: ("decide_letter",),
    Work.NO_ADDRESS: ("close_task",),
    Work.PROMISE_DUE: ("log_call", "record_payment", "make_promise"),
    Work.PROMISE_BROKEN: ("log_call", "make_promise", "propose_plan", "refer_account", "escalate_invoice"),
    Work.APPROVAL: ("decide_approval",),
    Work.DISPUTE: ("resolve_dispute", "assign_dispute", "attach_evidence"),
    Work.PLAN_RETURNED: ("revise_plan", "cancel_plan"),
    Work.PLAN_MISSED: ("log_call", "record_payment", "revise_plan", "cancel_plan"),
    Work.OFFER_LAPSING: ("accept_plan", "decline_plan", "revise_plan"),
    Work.SUSPENSION_RETURNED: ("ask_suspension_again", "withdraw_suspension"),
    Work.WARNING_UNDELIVERED: ("send_warning_again", "decide_letter", "withdraw_suspension"),
    Work.CREDIT_REVIEW: ("give_verdict", "close_credit_review"),
    Work.WRITE_OFF: ("decide_write_off",),
    Work.TIMELINE_END: ("refer_account", "ask_suspension", "propose_plan", "issue_credit_note", "cancel_invoice"),
    Work.OTHER: (),
}
"""What a person can do about each kind of work, by the names that /openapi.json gives the operations."""


class PointsOut(BaseModel):
    """How the score comes about: urgency of at most 50, money of at most 30, lateness of at most 20."""

    urgency: int
    money: int
    lateness: int


class WorkItemOut(BaseModel):
    """One thing to do. `at_risk`: the money that hangs on it, the amount that weighs most first, never added across currencies."""

    id: str
    kind: Work
    account_id: str
    account_name: str
    collector: str | None
    invoice_id: str | None
    invoice_number: str | None
    case_id: str | None
    task_id: int | None
    letter_id: int | None
    at_risk: list[Amount]
    due_on: date | None = Field(description="the last day in time; null: at once")
    days_late: int
    score: int = Field(description="0 to 100; what has the highest comes first")
    points: PointsOut
    why: list[str] = Field(description="sentences in the reader's language")
    covering_for: str | None = Field(description="the collector whose account or task it is, while you cover for them")
    link: str = Field(description="the console's page about it")
    can_do: list[str] = Field(description="names of operations")


def present(line: Line, today: date, words: Phrases) -> WorkItemOut:
    item, ranked = line.item, line.ranked
    shown = [ranked.heaviest, *others(line)] if ranked.heaviest else []
    page = f"/invoices/{quote(item.invoice_id, safe='')}" if item.invoice_id else f"/accounts/{quote(item.account_id, safe='')}"
    return WorkItemOut(
        **item.model_dump(
            include={"id", "account_id", "account_name", "collector", "invoice_id", "invoice_number", "case_id", "task_id", "letter_id"}
        ),
        kind=item.work, at_risk=[Amount.of(money.minor, money.currency) for money in shown], due_on=item.due_on,
        days_late=ranked.days_late, score=ranked.score,
        points=PointsOut(urgency=ranked.urgency, money=ranked.money, lateness=ranked.lateness), why=reasons(line, today, words),
        covering_for=covered(line), link=page, can_do=list(ACTS[item.work]),
    )  # fmt: skip


def others(line: Line) -> list[Money]:
    """What hangs on it in other currencies."""
    return sorted(
        (money for money in line.item.at_risk if money != line.ranked.heaviest and money.minor > 0), key=lambda money: money.currency
    )


def covered(line: Line) -> str | None:
    """Whom the desk covers for with this, if anybody."""
    given_to = line.item.assignee or line.item.collector
    return given_to if given_to in line.desk.covering else None


def reasons(line: Line, today: date, words: Phrases) -> list[str]:
    """What it is, how late it is, how much hangs on it; then how it came to this desk."""
    item, ranked, desk = line.item, line.ranked, line.desk
    said = [words.say_work(item.work.value, item.facts, item.currency), _when(item.due_on, today, words)]
    if ranked.heaviest:
        known = "at_risk_alone" if ranked.percent is None else "at_risk"
        facts: dict[str, Any] = {"amount": ranked.heaviest.minor, "percent": ranked.percent, "currency": ranked.heaviest.currency}
        said.append(words.say_work(known, facts, ranked.heaviest.currency))
    said += [words.say_work("also_at_risk", {"amount": money.minor}, money.currency) for money in others(line)]
    if item.escalated:
        said.append(words.say_work("escalated", {}))
    if away := covered(line):
        said.append(words.say_work("covering", {"user": away, "until": desk.covering[away]}))
    elif item.assignee == desk.user and item.collector != desk.user:
        said.append(words.say_work("given", {"user": desk.user}))
    elif giver := next((user for role, user in desk.in_place_of.items() if item.work is Work.APPROVAL and role.value == item.role), None):
        said.append(words.say_work("in_place_of", {"user": giver}))
    return [sentence for sentence in said if sentence]


def _when(due_on: date | None, today: date, words: Phrases) -> str:
    if due_on is None:
        return ""
    if due_on > today:
        return words.say_work("due_ahead", {"due_on": due_on})
    if due_on >= today - timedelta(days=1):
        return words.say_work("due_today" if due_on == today else "due_yesterday", {})
    return words.say_work("late", {"days": (today - due_on).days})
