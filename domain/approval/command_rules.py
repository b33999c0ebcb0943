"""What people do to an approval: what rules an act out, and what it changes."""

from datetime import date

from domain.approval.approval_case import ApprovalCase, Ending, LapseReason, Signature
from domain.approval.commands import Decision, Verdict, Withdrawal
from domain.approval.result import ApprovalResult
from domain.case.command import Act
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.roles import same_person


def refusal(case: ApprovalCase, act: Act, today: date) -> str | None:
    """Why the act cannot be accepted, in words; None when it can. `today` is the business date. An act that was done is not refused."""
    if act.act_id in case.seen:
        return None
    if case.ended:
        return case.ended_sentence
    match act:
        case Decision():
            return _partial(case, act) or _unentitled(case, act, today) or _without_comment(act)
        case Withdrawal() if not same_person(act.actor, case.requester):
            return f"only {case.requester}, who asked for it, can withdraw it"
    return None


def _partial(case: ApprovalCase, act: Decision) -> str | None:
    """Nobody decides what they asked for themselves, nor in the requester's place, nor through the requester."""
    what = case.question.matter.words
    if same_person(act.actor, case.requester):
        return f"{act.actor} asked for this {what} and cannot decide it"
    if act.on_behalf_of and same_person(act.on_behalf_of, case.requester):
        return f"{act.on_behalf_of} asked for this {what}; nobody decides it in their place"
    for person in (act.actor, act.on_behalf_of):
        if person and any(same_person(person, other) for other in case.also_asked):
            return f"{person} asked for this {what} too; someone else must decide it"
        if person and any(same_person(person, principal) for principal in case.acting_for):
            return f"{case.requester}, who asked for this {what}, acts for {person}; someone else must decide it"
    return None


def _unentitled(case: ApprovalCase, act: Decision, today: date) -> str | None:
    """The role must be one that is asked now, held or delegated, and nobody has a say twice."""
    for person in (act.actor, act.on_behalf_of):
        if person and case.has_had_a_say(person):
            return f"{person} has signed already; another person must decide"
    if act.role not in case.awaiting:
        roles = " or ".join(role.value for role in case.awaiting)
        signed = "; ".join(f"{given.role.value}: {given.actor} on {given.on}" for given in case.signatures)
        return f"this waits for {roles}, not for {act.role.value}" + (f" (signed: {signed})" if signed else "")
    return act.delegation.refusal(act.actor, act.role, today) if act.delegation else None


def _without_comment(act: Decision) -> str | None:
    if act.verdict is Verdict.APPROVE or act.note_id:
        return None
    reason = "why" if act.verdict is Verdict.REJECT else "what to change"
    return f"to {act.verdict.value} needs a comment that says {reason}"


def carry_out(case: ApprovalCase, act: Act, at: Moment) -> int | None:
    """Do the act once. The number of its journal entry, or None if it was done before.

    An act that came as a signal has passed no validator: what rules it out is then journalled as its refusal.
    """
    if act.act_id in case.seen:
        return None
    reason = refusal(case, act, at.business.date())
    case.seen.append(act.act_id)
    if reason:
        return case.note(EntryKind.ACT_REFUSED, at, act.actor, act=act.act_id, what=act.journal_name, reason=reason)
    match act:
        case Decision():
            return _decide(case, act, at)
        case Withdrawal():
            case.lapse(LapseReason.WITHDRAWN, at, act.actor)
            return case.journal.seq
        case _:
            raise TypeError(f"no rule says what a {type(act).__name__} does to an approval")


_ENTRIES = {
    Verdict.APPROVE: EntryKind.APPROVAL_SIGNED,
    Verdict.REJECT: EntryKind.APPROVAL_REJECTED,
    Verdict.RETURN: EntryKind.APPROVAL_RETURNED,
}


def _decide(case: ApprovalCase, act: Decision, at: Moment) -> int:
    today = at.business.date()
    seq = case.note(
        _ENTRIES[act.verdict], at, act.actor, act=act.act_id, matter=case.question.matter.value, tier=case.tier + 1, role=act.role.value,
        on_behalf_of=act.on_behalf_of, delegation=act.delegation.delegation_id if act.delegation else None, note=act.note_id,
        channel=act.channel.value,
    )  # fmt: skip
    match act.verdict:
        case Verdict.APPROVE:
            signature = Signature(tier=case.tier, actor=act.actor, role=act.role, on=today, on_behalf_of=act.on_behalf_of)
            case.sign(signature, at)
        case Verdict.REJECT:
            case.end(Ending(result=ApprovalResult.REJECTED, on=today, by=[act.actor], note_id=act.note_id))
        case Verdict.RETURN:
            case.end(Ending(result=ApprovalResult.RETURNED, on=today, by=[act.actor], note_id=act.note_id))
    return seq
