"""What people do to an approval: what rules an act out, and what it changes."""

from datetime import date

from domain.approval.approval_case import ApprovalCase, ApprovalEnding, ApprovalSignature
from domain.approval.commands import REASONS_OF_VERDICT, ApprovalVerdict, DecideApproval, DecisionReason, WithdrawApprovalRequest
from domain.approval.four_eyes import ConflictGround
from domain.approval.result import ApprovalResult, LapseReason
from domain.approval.revision import find_stale_facts
from domain.case.command import Command
from domain.case.command_handling import CommandRules
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.refusal import Refusal
from domain.roles import is_same_person


def _find_rejection_reason(case: ApprovalCase, command: Command, today: date) -> Refusal | None:
    if case.is_ended:
        return case.ended_sentence
    match command:
        case DecideApproval():
            return (
                _conflict_of_interest_reason(case, command)
                or _missing_authority_reason(case, command, today)
                or _missing_comment_reason(command)
                or find_misplaced_reason(command.verdict, command.reason)
                or _stale_facts_reason(case, command)
            )
        case WithdrawApprovalRequest() if not is_same_person(command.actor, case.requester):
            return Refusal("approval.not_yours", "only {person}, who asked for it, can withdraw it", person=case.requester)
    return None


def _conflict_of_interest_reason(case: ApprovalCase, command: DecideApproval) -> Refusal | None:
    """Nobody decides what they asked for themselves, nor in the requester's place, nor through the requester; nobody has a say twice."""
    conflict, what = case.participants.find_conflict(command.actor, command.on_behalf_of), case.question.matter.display_name
    if conflict is None:
        return None
    who: dict[str, object] = {"person": conflict.person, "act": what}
    match conflict.ground:
        case ConflictGround.REQUESTER:
            return Refusal("approval.own", "{person} asked for this {act} and cannot decide it", **who)
        case ConflictGround.IN_PLACE_OF_REQUESTER:
            return Refusal("approval.own_by_delegation", "{person} asked for this {act}; nobody decides it in their place", **who)
        case ConflictGround.ALSO_ASKED:
            return Refusal("approval.also_asked", "{person} asked for this {act} too; someone else must decide it", **who)
        case ConflictGround.REPRESENTED:
            return Refusal(
                "approval.represented",
                "{people}, who asked for this {act}, acts for {person}; someone else must decide it",
                people=" or ".join(case.participants.askers),
                **who,
            )
        case ConflictGround.SIGNED:
            return Refusal("approval.signed", "{person} has signed already; another person must decide", person=conflict.person)


def _missing_authority_reason(case: ApprovalCase, command: DecideApproval, today: date) -> Refusal | None:
    """The role must be one that is asked now, held or delegated."""
    if command.role not in case.awaited_roles:
        roles = " or ".join(role.value for role in case.awaited_roles)
        signed = "; ".join(f"{given.role.value}: {given.actor} on {given.on}" for given in case.signatures)
        waits: dict[str, object] = {"roles": roles, "role": command.role}
        if signed:
            return Refusal(
                "approval.signed_part", "this waits for {roles}, not for {role} (signed: {signatures})", signatures=signed, **waits
            )
        return Refusal("approval.other_role", "this waits for {roles}, not for {role}", **waits)
    return command.delegation.rejection_reason(command.actor, command.role, today) if command.delegation else None


def revoked_delegation_reason(command: DecideApproval) -> Refusal:
    return Refusal(
        "delegation.revoked",
        "{giver} does not let {person} sign as {role} any more; ask them for a new delegation",
        giver=command.on_behalf_of,
        person=command.actor,
        role=command.role,
    )


def _stale_facts_reason(case: ApprovalCase, command: DecideApproval) -> Refusal | None:
    stale = find_stale_facts(case, command)
    return stale.reason if stale else None


def _missing_comment_reason(command: DecideApproval) -> Refusal | None:
    if command.verdict is ApprovalVerdict.APPROVE or command.note_id:
        return None
    if command.verdict is ApprovalVerdict.REJECT:
        return Refusal("approval.comment_reject", "to reject needs a comment that says why")
    return Refusal("approval.comment_return", "to return needs a comment that says what to change")


def find_misplaced_reason(verdict: ApprovalVerdict, reason: DecisionReason | None) -> Refusal | None:
    """Why a reason does not go with a verdict; None where it does, and where there is none."""
    if reason is None or reason in REASONS_OF_VERDICT[verdict]:
        return None
    if verdict is ApprovalVerdict.APPROVE:
        return Refusal("approval.reason_approve", "an approval takes no reason; leave it out, or reject or return it")
    choices = ", ".join(each.value for each in REASONS_OF_VERDICT[verdict])
    return Refusal("approval.reason_other_verdict", "this reason does not go with that decision; take one of: {choices}", choices=choices)


def _apply_accepted_command(case: ApprovalCase, command: Command, at: Moment) -> int | None:
    match command:
        case DecideApproval():
            return _apply_decision(case, command, at)
        case WithdrawApprovalRequest():
            case.lapse(LapseReason.WITHDRAWN, at, command.actor)
            return case.journal.seq
        case _:
            raise TypeError(f"no rule says what a {type(command).__name__} does to an approval")


_VERDICT_ENTRY_KINDS = {
    ApprovalVerdict.APPROVE: EntryKind.APPROVAL_SIGNED,
    ApprovalVerdict.REJECT: EntryKind.APPROVAL_REJECTED,
    ApprovalVerdict.RETURN: EntryKind.APPROVAL_RETURNED,
}


def _apply_decision(case: ApprovalCase, command: DecideApproval, at: Moment) -> int:
    today = at.business.date()
    seq = case.write_entry(
        _VERDICT_ENTRY_KINDS[command.verdict],
        at,
        command.actor,
        act=command.act_id,
        matter=case.question.matter.value,
        tier=case.tier + 1,
        role=command.role.value,
        on_behalf_of=command.on_behalf_of,
        delegation=command.delegation.delegation_id if command.delegation else None,
        note=command.note_id,
        **({"reason": command.reason.value} if command.reason else {}),
        channel=command.channel.value,
        **({"facts_version": command.facts_version or case.facts_version} if case.facts else {}),
    )
    match command.verdict:
        case ApprovalVerdict.APPROVE:
            signature = ApprovalSignature(
                tier=case.tier, actor=command.actor, role=command.role, on=today, on_behalf_of=command.on_behalf_of
            )
            case.add_signature(signature, at)
        case ApprovalVerdict.REJECT:
            case.end(_build_ending(ApprovalResult.REJECTED, command, today))
        case ApprovalVerdict.RETURN:
            case.end(_build_ending(ApprovalResult.RETURNED, command, today))
    return seq


def _build_ending(result: ApprovalResult, command: DecideApproval, today: date) -> ApprovalEnding:
    return ApprovalEnding(result=result, on=today, by=[command.actor], note_id=command.note_id, reason=command.reason)


RULES = CommandRules(_find_rejection_reason, _apply_accepted_command)
rejection_reason, apply_command = RULES.rejection_reason, RULES.apply_command
