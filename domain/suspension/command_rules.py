"""What people may do to an account's suspension: what rules an act out, and what it changes."""

from datetime import date, timedelta

from domain.approval.result import REVISED
from domain.case.command import Command
from domain.case.command_handling import CommandRules
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.refusal import Refusal
from domain.suspension.commands import (
    ExtendNotice,
    HandOverSuspendedAccount,
    ReinstateAccount,
    RequestApprovalAgain,
    RequestSuspension,
    ResendWarning,
    WithdrawSuspension,
)
from domain.suspension.events import add_receivable
from domain.suspension.state import PRE_SUSPENSION_STAGES, SuspensionEnding, SuspensionStage
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.transitions import (
    advance,
    end_case,
    hand_over_account,
    order_reinstatement,
    request_approval_again,
    send_warning,
    withdraw_approval_request,
)


def _find_rejection_reason(case: SuspensionCase, command: Command, today: date) -> Refusal | None:
    if case.is_ended:
        return Refusal("suspension.over", "this suspension case is over; ask for a new one")
    match command:
        case RequestSuspension():
            return _request_rejection_reason(case, command)
        case RequestApprovalAgain() if not case.returned:
            return Refusal("suspension.not_returned", "no approval of this case was returned; there is nothing to ask again")
        case ResendWarning() if case.stage is not SuspensionStage.WARNING or not case.undelivered:
            return Refusal("suspension.no_warning", "no warning of this case is waiting to be sent again")
        case ResendWarning() if case.is_fully_disputed:
            return Refusal("suspension.warning_disputed", "all that is owed is disputed; no warning goes until that is resolved")
        case ExtendNotice():
            return _extension_rejection_reason(case, command, today)
        case WithdrawSuspension() if case.stage is SuspensionStage.SUSPENDING:
            return Refusal(
                "suspension.suspending", "the billing system is just being told to suspend; reinstate the account when it has answered"
            )
        case WithdrawSuspension() if case.stage not in PRE_SUSPENSION_STAGES:
            return Refusal("suspension.suspended", "the account is suspended already; reinstate it instead")
        case ReinstateAccount() if case.stage not in (SuspensionStage.SUSPENDED, SuspensionStage.HANDED_OVER):
            return Refusal("suspension.not_suspended", "the account is not suspended")
        case HandOverSuspendedAccount() if case.stage is not SuspensionStage.SUSPENDED:
            return Refusal("suspension.hand_over", "only a suspended account is handed over")
        case HandOverSuspendedAccount() if case.is_fully_disputed:
            return Refusal("suspension.hand_over_disputed", "all that is owed is disputed; resolve that before the account is handed over")
    return None


def _request_rejection_reason(case: SuspensionCase, command: RequestSuspension) -> Refusal | None:
    if case.prepaid:
        return Refusal("suspension.prepaid", "the service of this account is paid in advance; it is never suspended")
    if case.stage not in PRE_SUSPENSION_STAGES:
        return Refusal(
            "suspension.too_far",
            "the account's suspension has gone as far as '{suspension_stage}'; there is nothing left to ask for",
            suspension_stage=case.stage,
        )
    if all(claim.invoice_id in case.claims for claim in command.claims):
        return Refusal("suspension.known", "these invoices are in the suspension case already")
    if not any(claim.is_owed(case.policy) for claim in command.claims):
        return Refusal("suspension.nothing_owed", "nothing is owed on these invoices")
    return None


def _extension_rejection_reason(case: SuspensionCase, command: ExtendNotice, today: date) -> Refusal | None:
    most = case.policy.suspension.most_extension_days
    if case.stage not in (SuspensionStage.NOTICE, SuspensionStage.SIGN_OFF) or case.notice_ends is None:
        return Refusal("notice.none", "no notice is running")
    if command.until <= case.notice_ends:
        return Refusal("notice.earlier", "the notice runs until {until} as it is; give a later date", until=case.notice_ends)
    if command.until < today:
        return Refusal("notice.passed", "the new last day of the notice has passed")
    if case.extended_days + (command.until - case.notice_ends).days > most:
        return Refusal("notice.too_long", "the policy allows a notice to be put off by {days} days in all", days=most)
    return None


def _apply_and_advance(case: SuspensionCase, command: Command, at: Moment) -> int:
    seq = _apply_accepted_command(case, command, at)
    advance(case, at)
    return seq


def _apply_accepted_command(case: SuspensionCase, command: Command, at: Moment) -> int:
    match command:
        case RequestSuspension():
            given = {"reason": command.reason} if command.reason else {}
            seq = case.write_entry(EntryKind.SUSPENSION_ASKED, at, command.actor, act=command.act_id, invoices=len(command.claims), **given)
            case.reasons |= {command.actor: command.reason} if command.reason else {}
            for claim in command.claims:
                add_receivable(case, claim, at, command.actor, is_last=not case.binds_facts or claim is command.claims[-1])
            return seq
        case RequestApprovalAgain():
            request_approval_again(case, command.actor)
            return case.write_entry(EntryKind.SUSPENSION_ASKED, at, command.actor, act=command.act_id)
        case ResendWarning():
            return send_warning(case, at, command.actor, act=command.act_id)
        case ExtendNotice():
            return _extend_notice(case, command, at)
        case WithdrawSuspension():
            return end_case(case, SuspensionEnding.WITHDRAWN, at, command.actor, act=command.act_id, reason=command.reason)
        case ReinstateAccount():
            return order_reinstatement(case, at, command.actor, act=command.act_id, reason=command.reason)
        case HandOverSuspendedAccount():
            return hand_over_account(case, at, command.actor, act=command.act_id)
        case _:
            raise TypeError(f"no rule says what a {type(command).__name__} does to a suspension")


def _extend_notice(case: SuspensionCase, command: ExtendNotice, at: Moment) -> int:
    """A sign-off that was asked for is taken back: the notice runs again."""
    assert case.notice_ends is not None
    days = command.until - case.notice_ends
    withdraw_approval_request(case, REVISED)
    case.stage, case.returned = SuspensionStage.NOTICE, False
    case.notice_ends, case.extended_days = command.until, case.extended_days + days // timedelta(days=1)
    return case.write_entry(
        EntryKind.SUSPENSION_NOTICE_EXTENDED,
        at,
        command.actor,
        act=command.act_id,
        until=command.until.isoformat(),
        days=days.days,
        reason=command.reason,
    )


RULES = CommandRules(_find_rejection_reason, _apply_and_advance)
rejection_reason, apply_command = RULES.rejection_reason, RULES.apply_command
