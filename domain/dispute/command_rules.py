"""What people may do to a dispute: what rules an act out, and what it changes."""

from datetime import date

from domain.case.command import Command
from domain.case.command_handling import CommandRules
from domain.clock import Moment
from domain.dispute.commands import AssignDispute, AttachEvidence, ResolveDispute
from domain.dispute.dispute_case import DisputeCase
from domain.dispute.state import DisputeStage
from domain.journal.entry_kinds import EntryKind
from domain.policy.dispute_rules import DISPUTE_DEPARTMENTS, DisputeResolution
from domain.refusal import Refusal
from domain.roles import Role


def _find_rejection_reason(case: DisputeCase, command: Command, today: date) -> Refusal | None:
    if case.is_closed:
        return Refusal("dispute.over", "the dispute is over ({resolution})", resolution=case.resolution)
    match command:
        case AssignDispute():
            return _assignment_rejection_reason(case, command)
        case ResolveDispute(resolution=DisputeResolution.WITHDRAWN):
            return _withdrawal_rejection_reason(case, command)
        case ResolveDispute():
            return _resolution_rejection_reason(case, command)
    return None


def _apply_accepted_command(case: DisputeCase, command: Command, at: Moment) -> int | None:
    match command:
        case AssignDispute():
            department = command.department or case.department
            seq = case.write_entry(
                EntryKind.DISPUTE_ASSIGNED,
                at,
                command.actor,
                act=command.act_id,
                department=department.value,
                assignee=command.assignee,
                note=command.note_id,
            )
            case.assign_department(department, command.assignee, at)
        case AttachEvidence():
            case.evidence += [digest for digest in command.evidence if digest not in case.evidence]
            seq = case.write_entry(
                EntryKind.DISPUTE_EVIDENCE_ATTACHED, at, command.actor, act=command.act_id, evidence=" ".join(command.evidence)
            )
        case ResolveDispute():
            seq = case.write_entry(
                EntryKind.DISPUTE_RESOLUTION_PROPOSED,
                at,
                command.actor,
                act=command.act_id,
                resolution=command.resolution.value,
                amount=command.amount,
                role=command.role.value,
                reference=command.reference,
                note=command.note_id,
            )
            case.apply_answer(command, at)
        case _:
            raise TypeError(f"no rule says what a {type(command).__name__} does to a dispute")
    return seq


def _list_roles_in_charge(case: DisputeCase) -> tuple[Role, ...]:
    """The department, those to whom it was escalated, and the collections manager."""
    return (case.department, *case.notified_roles, Role.COLLECTIONS_MANAGER)


def _assignment_rejection_reason(case: DisputeCase, command: AssignDispute) -> Refusal | None:
    if command.department is None and command.assignee is None:
        return Refusal("dispute.nobody", "name a department or a person")
    if command.department is not None and command.department not in DISPUTE_DEPARTMENTS:
        return Refusal(
            "dispute.no_department",
            "{department} owns no disputes; name one of: {roles}",
            department=command.department,
            roles=", ".join(DISPUTE_DEPARTMENTS),
        )
    if case.stage is not DisputeStage.OPEN:
        return Refusal("dispute.answered", "the dispute has its answer; there is nothing left to assign")
    if command.role not in _list_roles_in_charge(case):
        return Refusal(
            "dispute.not_yours_to_assign",
            "the dispute belongs to {department}; only they, those above them or a collections manager may assign it",
            department=case.department,
        )
    return None


def _withdrawal_rejection_reason(case: DisputeCase, command: ResolveDispute) -> Refusal | None:
    """The customer takes it back, through whoever hears of it: possible until billing carries out another answer."""
    if case.stage is DisputeStage.BOOKING:
        return Refusal("dispute.booking", "billing is carrying out the dispute's answer; it is too late to withdraw it")
    if command.role not in (Role.COLLECTOR, *_list_roles_in_charge(case)):
        return Refusal("dispute.role_withdraws", "the role {role} cannot record that the customer withdrew", role=command.role)
    return None


def _resolution_rejection_reason(case: DisputeCase, command: ResolveDispute) -> Refusal | None:
    if case.stage is not DisputeStage.OPEN:
        if case.stage is DisputeStage.APPROVAL:
            return Refusal("dispute.waits_for_approval", "the dispute has an answer already, which waits to be approved")
        return Refusal("dispute.waits_for_booking", "the dispute has an answer already, which waits to be booked")
    if command.role not in _list_roles_in_charge(case):
        return Refusal(
            "dispute.not_yours_to_resolve",
            "the dispute belongs to {department}; the role {role} cannot resolve it",
            department=case.department,
            role=command.role,
        )
    match command.resolution:
        case DisputeResolution.SETTLED:
            return Refusal(
                "dispute.settled",
                "only billing can say that the invoice is settled; resolve it as already paid, with the payment's reference",
            )
        case DisputeResolution.CREDIT_NOTE if not command.amount:
            return Refusal("dispute.no_amount", "a credit note needs its amount")
        case DisputeResolution.CREDIT_NOTE if command.amount is not None and command.amount > case.contested_amount:
            return Refusal("dispute.credit_too_much", "the credit is more than what is in dispute and still owed")
        case DisputeResolution.CORRECTED_INVOICE if (
            command.amount is not None and case.facts.total - command.amount > case.contested_amount
        ):
            return Refusal("dispute.correction_too_low", "the corrected total takes off more than what is in dispute and still owed")
        case DisputeResolution.CORRECTED_INVOICE if command.amount is not None and command.amount > case.facts.total:
            return Refusal(
                "dispute.correction_too_high", "a correction cannot ask for more than the invoice did; issue another invoice for the rest"
            )
        case DisputeResolution.ALREADY_PAID if not command.reference:
            return Refusal("dispute.no_reference", "name the reference of the payment that was found")
    return None


RULES = CommandRules(_find_rejection_reason, _apply_accepted_command)
rejection_reason, apply_command = RULES.rejection_reason, RULES.apply_command
