"""What people may do to an account's suspension: what rules an act out, and what it changes."""

from datetime import date, timedelta

from domain.approval.result import REVISED
from domain.case.command import Act
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.suspension.commands import AskAgain, AskSuspension, ExtendNotice, HandOverNow, Reinstate, SendWarningAgain, WithdrawSuspension
from domain.suspension.state import BEFORE_BILLING, Ending, Stage
from domain.suspension.suspension_case import SuspensionCase


def refusal(case: SuspensionCase, act: Act, today: date) -> str | None:
    """Why the act cannot be accepted, in words; None when it can. `today` is the business date. An act that was done is not refused."""
    if act.act_id in case.seen:
        return None
    if case.ended:
        return "this suspension case is over; ask for a new one"
    match act:
        case AskSuspension():
            return _ask_refusal(case, act)
        case AskAgain() if not case.returned:
            return "no approval of this case was returned; there is nothing to ask again"
        case SendWarningAgain() if case.stage is not Stage.WARNING or not case.undelivered:
            return "no warning of this case is waiting to be sent again"
        case SendWarningAgain() if case.spared:
            return "all that is owed is disputed; no warning goes until that is resolved"
        case ExtendNotice():
            return _extension_refusal(case, act, today)
        case WithdrawSuspension() if case.stage is Stage.SUSPENDING:
            return "the billing system is just being told to suspend; reinstate the account when it has answered"
        case WithdrawSuspension() if case.stage not in BEFORE_BILLING:
            return "the account is suspended already; reinstate it instead"
        case Reinstate() if case.stage not in (Stage.SUSPENDED, Stage.HANDED_OVER):
            return "the account is not suspended"
        case HandOverNow() if case.stage is not Stage.SUSPENDED:
            return "only a suspended account is handed over"
        case HandOverNow() if case.spared:
            return "all that is owed is disputed; resolve that before the account is handed over"
    return None


def _ask_refusal(case: SuspensionCase, act: AskSuspension) -> str | None:
    if case.prepaid:
        return "the service of this account is paid in advance; it is never suspended"
    if case.stage not in BEFORE_BILLING:
        return f"the account's suspension has gone as far as '{case.stage}'; there is nothing left to ask for"
    if all(claim.invoice_id in case.claims for claim in act.claims):
        return "these invoices are in the suspension case already"
    if not any(claim.owed(case.policy) for claim in act.claims):
        return "nothing is owed on these invoices"
    return None


def _extension_refusal(case: SuspensionCase, act: ExtendNotice, today: date) -> str | None:
    most = case.policy.suspension.most_extension_days
    if case.stage not in (Stage.NOTICE, Stage.SIGN_OFF) or case.notice_ends is None:
        return "no notice is running"
    if act.until <= case.notice_ends:
        return f"the notice runs until {case.notice_ends.isoformat()} as it is; give a later date"
    if act.until < today:
        return "the new last day of the notice has passed"
    if case.extended_days + (act.until - case.notice_ends).days > most:
        return f"the policy allows a notice to be put off by {most} days in all"
    return None


def carry_out(case: SuspensionCase, act: Act, at: Moment) -> int | None:
    """Do the act once. The number of its journal entry, or None if it was done before.

    An act that came as a signal has passed no validator: what rules it out is then journalled as its refusal.
    """
    reason = refusal(case, act, at.business.date())
    if not case.sees(act.act_id):
        return None
    if reason:
        return case.note(EntryKind.ACT_REFUSED, at, act.actor, act=act.act_id, what=act.journal_name, reason=reason)
    seq = _do(case, act, at)
    case.go_on(at)
    return seq


def _do(case: SuspensionCase, act: Act, at: Moment) -> int:
    match act:
        case AskSuspension():
            seq = case.note(EntryKind.SUSPENSION_ASKED, at, act.actor, act=act.act_id, invoices=len(act.claims))
            for claim in act.claims:
                case.join(claim, at, act.actor)
            return seq
        case AskAgain():
            case.ask_again(act.actor)
            return case.note(EntryKind.SUSPENSION_ASKED, at, act.actor, act=act.act_id)
        case SendWarningAgain():
            return case.send_warning(at, act.actor, act=act.act_id)
        case ExtendNotice():
            return _extend(case, act, at)
        case WithdrawSuspension():
            return case.end(Ending.WITHDRAWN, at, act.actor, act=act.act_id, reason=act.reason)
        case Reinstate():
            return case.order_reinstatement(at, act.actor, act=act.act_id, reason=act.reason)
        case HandOverNow():
            return case.hand_over(at, act.actor, act=act.act_id)
        case _:
            raise TypeError(f"no rule says what a {type(act).__name__} does to a suspension")


def _extend(case: SuspensionCase, act: ExtendNotice, at: Moment) -> int:
    """A sign-off that was asked for is taken back: the notice runs again."""
    assert case.notice_ends is not None
    days = act.until - case.notice_ends
    case.take_question_back(REVISED)
    case.stage, case.returned = Stage.NOTICE, False
    case.notice_ends, case.extended_days = act.until, case.extended_days + days // timedelta(days=1)
    return case.note(
        EntryKind.SUSPENSION_NOTICE_EXTENDED, at, act.actor, act=act.act_id, until=act.until.isoformat(), days=days.days, reason=act.reason
    )
