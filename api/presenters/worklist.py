"""The worklist's items with their reasons in words."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from adapters.read_model.worklist import Line
from api.presenters.phrases import Phrases
from api.schemas.amounts import Amount
from api.schemas.worklist import ACTS, PointsOut, WorkItemOut
from domain.money import Money
from domain.portfolio.worklist_ranking import Work


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
