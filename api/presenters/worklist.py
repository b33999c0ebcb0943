"""The worklist's items with their reasons in words."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from adapters.read_model.unreached_roles import SettledNotice, UnreachedPerson, UnreachedRole
from adapters.read_model.worklist import WorklistLine
from adapters.read_model.worklist_queries import WorkItem
from api.presenters.phrases import Phrases
from api.schemas.amounts import Amount
from api.schemas.correspondence import CalledInvoiceOut
from api.schemas.worklist import (
    AVAILABLE_OPERATIONS,
    UNTRACED_LETTER_OPERATIONS,
    LateNoticeOut,
    PointsOut,
    UnreachedCaseOut,
    UnreachedPersonOut,
    UnreachedRoleOut,
    UnreachedRolesOut,
    WorkItemOut,
)
from domain.money import Money
from domain.portfolio.worklist_ranking import WorkKind

UNTRACED_LETTER = "untraced_letter"
"""The phrase for a letter in doubt of which there is no trace."""

UNREACHED_ROLES_PAGE = "/roles"
SET_ASIDE_PAGE = "/set-aside"


def present_work_item(line: WorklistLine, today: date, words: Phrases) -> WorkItemOut:
    item, ranked = line.item, line.ranked
    shown = [ranked.heaviest, *list_other_amounts(line)] if ranked.heaviest else []
    return WorkItemOut(
        id=item.id,
        kind=item.work,
        account_id=item.account_id,
        account_name=item.account_name,
        collector=item.collector,
        invoice_id=item.invoice_id,
        invoice_number=item.invoice_number,
        case_id=item.case_id,
        task_id=item.task_id,
        letter_id=item.letter_id,
        escalation=item.escalation,
        invoices=[CalledInvoiceOut.from_row(invoice) for invoice in line.called],
        at_risk=[Amount.from_minor(money.minor, money.currency) for money in shown],
        suspended_on=item.suspended_on,
        due_on=item.due_on,
        days_late=ranked.days_late,
        score=ranked.score,
        points=PointsOut(urgency=ranked.urgency, money=ranked.money, lateness=ranked.lateness),
        why=build_work_reasons(line, today, words),
        covering_for=find_covered_collector(line),
        link=_find_page(item),
        can_do=list(list_operations(item)),
    )


def list_operations(item: WorkItem) -> tuple[str, ...]:
    """Return what a person can do about it, by the names of the API's operations."""
    return UNTRACED_LETTER_OPERATIONS if _is_untraced_letter(item) else AVAILABLE_OPERATIONS[item.work]


def _find_page(item: WorkItem) -> str:
    if item.work in (WorkKind.UNREACHED_ROLE, WorkKind.UNREACHED_PERSON):
        return UNREACHED_ROLES_PAGE
    if item.work is WorkKind.SET_ASIDE:
        return SET_ASIDE_PAGE
    return f"/invoices/{quote(item.invoice_id, safe='')}" if item.invoice_id else f"/accounts/{quote(item.account_id, safe='')}"


def _is_untraced_letter(item: WorkItem) -> bool:
    return item.work is WorkKind.UNKNOWN_LETTER and item.letter_id is None


def list_other_amounts(line: WorklistLine) -> list[Money]:
    """Return the amounts at risk in other currencies."""
    return sorted(
        (money for money in line.item.at_risk if money != line.ranked.heaviest and money.minor > 0), key=lambda money: money.currency
    )


def find_covered_collector(line: WorklistLine) -> str | None:
    """Return the absent collector for whom this item is covered; None if it is the reader's own."""
    given_to = line.item.assignee or line.item.collector
    return given_to if given_to in line.scope.covering else None


def build_work_reasons(line: WorklistLine, today: date, words: Phrases) -> list[str]:
    """Return the reasons in words: the kind of work, how late it is, the amount at risk, and why it is on this worklist."""
    item, ranked, scope = line.item, line.ranked, line.scope
    sentences = [render_item_reason(item, words), _render_due_date(item.due_on, today, words)]
    if ranked.heaviest:
        known = "at_risk_most" if ranked.percent_below == 100 else "at_risk" if ranked.percent_below else "at_risk_alone"
        facts: dict[str, Any] = {"amount": ranked.heaviest.minor, "percent": ranked.percent_below, "currency": ranked.heaviest.currency}
        sentences.append(words.render_worklist_reason(known, facts, ranked.heaviest.currency))
    sentences += [
        words.render_worklist_reason("also_at_risk", {"amount": money.minor}, money.currency) for money in list_other_amounts(line)
    ]
    if item.suspended_on:
        sentences.append(words.render_worklist_reason("suspended", {"suspended_on": item.suspended_on}))
    if item.escalated:
        sentences.append(words.render_worklist_reason("escalated", {}))
    if away := find_covered_collector(line):
        sentences.append(words.render_worklist_reason("covering", {"user": away, "until": scope.covering[away]}))
    elif item.assignee == scope.user and item.collector != scope.user:
        sentences.append(words.render_worklist_reason("given", {"user": scope.user}))
    elif item.in_place_of:
        sentences.append(words.render_worklist_reason("in_place_of", {"user": item.in_place_of}))
    return [sentence for sentence in sentences if sentence]


def render_item_reason(item: WorkItem, words: Phrases) -> str:
    """Return what is to be done, in a sentence."""
    what = UNTRACED_LETTER if _is_untraced_letter(item) else item.work.value
    return words.render_worklist_reason(what, item.facts, item.currency)


def _render_due_date(due_on: date | None, today: date, words: Phrases) -> str:
    if due_on is None:
        return ""
    if due_on > today:
        return words.render_worklist_reason("due_ahead", {"due_on": due_on})
    if due_on >= today - timedelta(days=1):
        return words.render_worklist_reason("due_today" if due_on == today else "due_yesterday", {})
    return words.render_worklist_reason("late", {"days": (today - due_on).days})


def present_unreached_roles(roles: list[UnreachedRole], people: list[UnreachedPerson], settled: list[SettledNotice]) -> UnreachedRolesOut:
    return UnreachedRolesOut(
        roles=[
            UnreachedRoleOut(
                role=role.role, since=role.since, cases=[UnreachedCaseOut.model_validate(case.model_dump()) for case in role.cases]
            )
            for role in roles
        ],
        people=[
            UnreachedPersonOut(
                person=each.person, since=each.since, cases=[UnreachedCaseOut.model_validate(case.model_dump()) for case in each.cases]
            )
            for each in people
        ],
        settled=[LateNoticeOut(**notice.model_dump(exclude={"template"}), notice=notice.template) for notice in settled],
    )
