"""Why a command to a credit review is rejected, and what it changes."""

from datetime import date

from domain.case.command import Act
from domain.case.effects import NotifyRole
from domain.clock import Moment
from domain.credit_review.commands import CloseReview, Course, GiveVerdict, ReferAccount
from domain.credit_review.review_case import CreditReviewCase
from domain.journal.entry_kinds import EntryKind
from domain.roles import Role


def refusal(case: CreditReviewCase, act: Act, today: date) -> str | None:
    """Why the act cannot be accepted, in words; None when it can. `today` is the business date. An act that was done is not refused."""
    if act.act_id in case.seen:
        return None
    if case.ended:
        return "this credit review is closed; refer the account anew"
    if isinstance(act, GiveVerdict):
        if (act.limit is None) != (act.currency is None):
            return "a limit needs its currency, and a currency its limit"
        if act.next_review_on is not None and act.next_review_on <= today:
            return "the next review must be after today"
        if act.course is not Course.GENTLE and act.next_review_on is None:
            return "an account that is not collected gently needs a date for its next review"
    return None


def carry_out(case: CreditReviewCase, act: Act, at: Moment) -> int | None:
    """Do the act once. The number of its journal entry, or None if it was done before; what is ruled out is journalled as refused."""
    reason = refusal(case, act, at.business.date())
    if not case.sees(act.act_id):
        return None
    if reason:
        return case.note(EntryKind.ACT_REFUSED, at, act.actor, act=act.act_id, what=act.journal_name, reason=reason)
    match act:
        case ReferAccount():
            return case.refer(act.reason, at, act.actor, act.act_id, act.note_id)
        case GiveVerdict():
            return _take_verdict(case, act, at)
        case CloseReview():
            seq = case.note(EntryKind.CREDIT_REVIEW_ENDED, at, act.actor, act=act.act_id)
            case.lift()
            case.adopt_segment(None)
            case.ended = True
            return seq
        case _:
            raise TypeError(f"no rule says what a {type(act).__name__} does to a credit review")


def _take_verdict(case: CreditReviewCase, act: GiveVerdict, at: Moment) -> int:
    case.verdict, case.due = act, False
    seq = case.note(
        EntryKind.CREDIT_REVIEW_VERDICT, at, act.actor, act=act.act_id, ability=act.ability.value, willingness=act.willingness.value,
        course=act.course.value, insolvent=act.insolvent, limit=act.limit, currency=act.currency, segment=act.segment,
        conditions=act.conditions_note, next_review_on=act.next_review_on.isoformat() if act.next_review_on else None,
    )  # fmt: skip
    if act.insolvent:
        case.stop(at, act.actor)
    else:
        case.lift()
    case.adopt_segment(act.segment)
    advice = {Course.PLAN: "credit_review_advises_plan", Course.HAND_OVER: "credit_review_advises_hand_over"}.get(act.course)
    if advice:
        case.ask_for(NotifyRole(role=Role.COLLECTOR, template=advice, details={"account": case.journal.account_id}))
    return seq
