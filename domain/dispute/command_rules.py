"""What people may do to a dispute: what rules an act out, and what it changes."""

from domain.case.command import Act
from domain.clock import Moment
from domain.dispute.commands import AssignDispute, AttachEvidence, ResolveDispute
from domain.dispute.dispute_case import DisputeCase, DisputeStage
from domain.journal.entry_kinds import EntryKind
from domain.policy.dispute_rules import DEPARTMENTS, Resolution
from domain.roles import Role


def refusal(case: DisputeCase, act: Act) -> str | None:
    """Why the act cannot be accepted, in words; None when it can. An act that was done is not refused."""
    if act.act_id in case.seen:
        return None
    if case.over:
        return f"the dispute is over ({case.resolution})"
    match act:
        case AssignDispute():
            return _assignment_refusal(case, act)
        case ResolveDispute(resolution=Resolution.WITHDRAWN):
            return _withdrawal_refusal(case, act)
        case ResolveDispute():
            return _resolution_refusal(case, act)
    return None


def carry_out(case: DisputeCase, act: Act, at: Moment) -> int | None:
    """Do the act once. The number of its journal entry, or None if it was done before.

    An act that came as a signal has passed no validator: what rules it out is then journalled as its refusal.
    """
    if act.act_id in case.seen:
        return None
    reason = refusal(case, act)
    case.seen.append(act.act_id)
    if reason:
        return case.note(EntryKind.ACT_REFUSED, at, act.actor, act=act.act_id, what=act.journal_name, reason=reason)
    match act:
        case AssignDispute():
            department = act.department or case.department
            seq = case.note(
                EntryKind.DISPUTE_ASSIGNED,
                at,
                act.actor,
                act=act.act_id,
                department=department.value,
                assignee=act.assignee,
                note=act.note_id,
            )
            case.assign(department, act.assignee, at)
        case AttachEvidence():
            case.evidence += [digest for digest in act.evidence if digest not in case.evidence]
            seq = case.note(EntryKind.DISPUTE_EVIDENCE_ATTACHED, at, act.actor, act=act.act_id, evidence=" ".join(act.evidence))
        case ResolveDispute():
            seq = case.note(
                EntryKind.DISPUTE_RESOLUTION_PROPOSED, at, act.actor, act=act.act_id, resolution=act.resolution.value, amount=act.amount,
                role=act.role.value, reference=act.reference, note=act.note_id,
            )  # fmt: skip
            case.take_answer(act, at)
        case _:
            raise TypeError(f"no rule says what a {type(act).__name__} does to a dispute")
    return seq


def _in_charge(case: DisputeCase) -> tuple[Role, ...]:
    """The department, those to whom it was escalated, and the collections manager."""
    return (case.department, *case.told, Role.COLLECTIONS_MANAGER)


def _assignment_refusal(case: DisputeCase, act: AssignDispute) -> str | None:
    if act.department is None and act.assignee is None:
        return "name a department or a person"
    if act.department is not None and act.department not in DEPARTMENTS:
        return f"{act.department} owns no disputes; name one of: {', '.join(DEPARTMENTS)}"
    if case.stage is not DisputeStage.OPEN:
        return "the dispute has its answer; there is nothing left to assign"
    if act.role not in _in_charge(case):
        return f"the dispute belongs to {case.department}; only they, those above them or a collections manager may assign it"
    return None


def _withdrawal_refusal(case: DisputeCase, act: ResolveDispute) -> str | None:
    """The customer takes it back, through whoever hears of it: possible until billing carries out another answer."""
    if case.stage is DisputeStage.BOOKING:
        return "billing is carrying out the dispute's answer; it is too late to withdraw it"
    if act.role not in (Role.COLLECTOR, *_in_charge(case)):
        return f"the role {act.role} cannot record that the customer withdrew"
    return None


def _resolution_refusal(case: DisputeCase, act: ResolveDispute) -> str | None:
    if case.stage is not DisputeStage.OPEN:
        return "the dispute has an answer already, which waits to be " + ("approved" if case.stage is DisputeStage.APPROVAL else "booked")
    if act.role not in _in_charge(case):
        return f"the dispute belongs to {case.department}; the role {act.role} cannot resolve it"
    match act.resolution:
        case Resolution.SETTLED:
            return "only billing can say that the invoice is settled; resolve it as already paid, with the payment's reference"
        case Resolution.CREDIT_NOTE if not act.amount:
            return "a credit note needs its amount"
        case Resolution.CREDIT_NOTE if act.amount is not None and act.amount > case.contested:
            return "the credit is more than what is in dispute and still owed"
        case Resolution.CORRECTED_INVOICE if act.amount is not None and case.facts.total - act.amount > case.contested:
            return "the corrected total takes off more than what is in dispute and still owed"
        case Resolution.CORRECTED_INVOICE if act.amount is not None and act.amount > case.facts.total:
            return "a correction cannot ask for more than the invoice did; issue another invoice for the rest"
        case Resolution.ALREADY_PAID if not act.reference:
            return "name the reference of the payment that was found"
    return None
