"""Why a command to a credit review is rejected, and what it changes."""

from datetime import date

from domain.case.command import Command
from domain.case.command_handling import CommandRules
from domain.case.effects import NotifyRole
from domain.clock import Moment
from domain.credit_review.commands import CloseCreditReview, CollectionCourse, GiveCreditVerdict, ReferAccount
from domain.credit_review.review_case import CreditReviewCase
from domain.journal.entry_kinds import EntryKind
from domain.refusal import Refusal
from domain.roles import Role


def _find_rejection_reason(case: CreditReviewCase, command: Command, today: date) -> Refusal | None:
    if case.ended:
        return Refusal("review.closed", "this credit review is closed; refer the account anew")
    if isinstance(command, GiveCreditVerdict):
        if (command.limit is None) != (command.currency is None):
            return Refusal("review.currency", "a limit needs its currency, and a currency its limit")
        if command.next_review_on is not None and command.next_review_on <= today:
            return Refusal("review.day", "the next review must be after today")
        if command.course is not CollectionCourse.GENTLE and command.next_review_on is None:
            return Refusal("review.needs_day", "an account that is not collected gently needs a date for its next review")
    return None


def _apply_accepted_command(case: CreditReviewCase, command: Command, at: Moment) -> int | None:
    match command:
        case ReferAccount():
            return case.refer_account(command.reason, at, command.actor, command.act_id, command.note_id)
        case GiveCreditVerdict():
            return _apply_verdict(case, command, at)
        case CloseCreditReview():
            seq = case.write_entry(EntryKind.CREDIT_REVIEW_ENDED, at, command.actor, act=command.act_id)
            case.lift_holds()
            case.adopt_segment(None)
            case.ended = True
            return seq
        case _:
            raise TypeError(f"no rule says what a {type(command).__name__} does to a credit review")


def _apply_verdict(case: CreditReviewCase, command: GiveCreditVerdict, at: Moment) -> int:
    case.verdict, case.due = command, False
    seq = case.write_entry(
        EntryKind.CREDIT_REVIEW_VERDICT,
        at,
        command.actor,
        act=command.act_id,
        ability=command.ability.value,
        willingness=command.willingness.value,
        course=command.course.value,
        insolvent=command.insolvent,
        limit=command.limit,
        currency=command.currency,
        segment=command.segment,
        conditions=command.conditions_note,
        next_review_on=command.next_review_on.isoformat() if command.next_review_on else None,
    )
    if command.insolvent:
        case.stop_collection(at, command.actor)
    else:
        case.lift_holds()
    case.adopt_segment(command.segment)
    advice = {CollectionCourse.PLAN: "credit_review_advises_plan", CollectionCourse.HAND_OVER: "credit_review_advises_hand_over"}.get(
        command.course
    )
    if advice:
        case.add_effect(NotifyRole(role=Role.COLLECTOR, template=advice, details={"account": case.journal.account_id}))
    return seq


RULES = CommandRules(_find_rejection_reason, _apply_accepted_command)
rejection_reason, apply_command = RULES.rejection_reason, RULES.apply_command
