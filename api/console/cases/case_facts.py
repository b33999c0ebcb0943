"""What the page of a case says of its kind: facts in the reader's words."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from adapters.read_model.cases import CaseRow
from api.presenters.phrases import Phrases
from domain.credit_request.summary import CreditRequestSummary
from domain.credit_review.summary import CreditReviewSummary
from domain.dispute.summary import DisputeSummary
from domain.money import Money
from domain.payment_plan.summary import PaymentPlanSummary
from domain.policy_adoption.summary import AdoptionSummary
from domain.suspension.summary import SuspensionSummary
from domain.write_off.summary import WriteOffSummary


class CaseFact(NamedTuple):
    """`label` is a phrase of the group `case_page`; `values` stand below each other."""

    label: str
    values: tuple[str, ...]
    is_main: bool = False


def build_case_facts(row: CaseRow, words: Phrases, conditions: str | None) -> list[CaseFact]:
    """What is empty is left out. `conditions`: what the analyst wrote."""
    match row.summary:
        case DisputeSummary():
            facts = _describe_dispute(row.summary, words)
        case PaymentPlanSummary():
            facts = _describe_plan(row.summary, words)
        case SuspensionSummary():
            facts = _describe_suspension(row.summary, words)
        case CreditReviewSummary():
            facts = _describe_review(row.summary, words, conditions)
        case WriteOffSummary():
            facts = _describe_write_off(row.summary, words)
        case CreditRequestSummary():
            facts = _describe_credit_request(row.summary, words)
        case AdoptionSummary():
            facts = [_build_fact("policy", row.summary.policy), _build_fact("asked_by", row.summary.requester)]
        case _:
            facts = []
    return [fact for fact in facts if any(fact.values)]


def _describe_dispute(summary: DisputeSummary, words: Phrases) -> list[CaseFact]:
    return [
        _money("contested", [Money(minor=summary.contested, currency=summary.currency)], words, is_main=True),
        _money("raised", [Money(minor=summary.amount, currency=summary.currency)], words),
        _build_fact("reason", words.translate("dispute_reasons", summary.reason)),
        _build_fact("department", words.translate("roles", summary.department)),
        _build_fact("assignee", summary.assignee or ""),
        _day("answer_by", summary.deadline, words),
        _build_fact("answer", words.translate("resolutions", summary.answer) if summary.answer else ""),
        _build_fact("raised_by", summary.raised_by),
        _day("raised_on", summary.raised_on, words),
        _flag("escalated", summary.escalated, words),
    ]


def _describe_plan(summary: PaymentPlanSummary, words: Phrases) -> list[CaseFact]:
    schedule = summary.current_terms.schedule

    def money(label: str, minor: int, is_main: bool = False) -> CaseFact:
        return _money(label, [Money(minor=minor, currency=summary.currency)], words, is_main)

    return [
        money("debt", summary.debt, is_main=True),
        money("total", schedule.total),
        *([money("interest", schedule.interest)] if schedule.interest else []),
        money("received", summary.received),
        _build_fact("asked_by", summary.by),
        _build_fact("revision", str(summary.revision)),
        _day("lapses_on", summary.lapses_on, words),
        _build_fact("why_over", words.shared.plan_reasons.get(summary.reason, summary.reason)),
    ]


def _describe_suspension(summary: SuspensionSummary, words: Phrases) -> list[CaseFact]:
    return [
        _money("owed", summary.stated_amounts, words, is_main=True),
        CaseFact("asked_by", tuple(summary.askers)),
        _day("delivered_on", summary.delivered_on, words),
        _day("notice_ends", summary.notice_ends, words),
        _day("suspended_on", summary.suspended_on, words),
        _day("hand_over_on", summary.hand_over_on, words),
        _flag("sent_back", summary.returned, words),
        _flag("undelivered", summary.undelivered, words),
        _flag("prepaid", summary.prepaid, words),
    ]


def _describe_review(summary: CreditReviewSummary, words: Phrases, conditions: str | None) -> list[CaseFact]:
    limit = [Money(minor=summary.limit, currency=summary.currency)] if summary.limit is not None and summary.currency else []
    verdicts = (("ability", summary.ability), ("willingness", summary.willingness), ("course", summary.course))
    return [
        _build_fact("referred_for", words.translate("review_reasons", summary.reason) if summary.reason else ""),
        *(_build_fact(label, words.translate("verdicts", verdict) if verdict else "") for label, verdict in verdicts),
        _flag("insolvent", summary.insolvent, words),
        _money("limit", limit, words),
        _build_fact("conditions", conditions or ""),
        _build_fact("segment", summary.segment or ""),
        _day("review_again", summary.next_review_on, words),
        _build_fact("verdict_by", summary.by or ""),
    ]


def _describe_write_off(summary: WriteOffSummary, words: Phrases) -> list[CaseFact]:
    return [
        _money("owed", summary.stated_amounts, words, is_main=True),
        _build_fact("decision", words.translate("decisions", summary.decision) if summary.decision else ""),
        _build_fact("decided_by", summary.proposed_by or ""),
    ]


def _describe_credit_request(summary: CreditRequestSummary, words: Phrases) -> list[CaseFact]:
    return [
        _money("asked_for", summary.stated_amounts, words, is_main=True),
        _build_fact("reduction", words.translate("reductions", summary.reduction) if summary.reduction else ""),
        _build_fact("asked_by", summary.requester),
        _build_fact("refused", summary.refused),
    ]


def _build_fact(label: str, value: str) -> CaseFact:
    return CaseFact(label, (value,) if value else ())


def _day(label: str, day: date | None, words: Phrases) -> CaseFact:
    return _build_fact(label, words.shared.format_day(day) if day and date.min < day < date.max else "")


def _flag(label: str, is_so: bool, words: Phrases) -> CaseFact:
    return _build_fact(label, words.list_filters["yes"] if is_so else "")


def _money(label: str, amounts: Iterable[Money], words: Phrases, is_main: bool = False) -> CaseFact:
    shown = tuple(words.shared.format_money(money.minor, money.currency) for money in amounts if money.currency)
    return CaseFact(label, shown, is_main)
