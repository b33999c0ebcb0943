"""When an invoice is escalated, who may answer, and what the answer does."""

from domain.case.case_view import TaskKind, TaskRequest
from domain.case.effects import NotifyPerson, NotifyRole
from domain.clock import Moment
from domain.invoice.commands import AnswerEscalation, CallCourse, EscalateInvoice
from domain.invoice.escalation import Escalation, build_escalation_key
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.requested_call import ESCALATED_CALL_PREFIX
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.refusal import Refusal
from domain.roles import Role, is_same_person


def record_escalation_notified(case: InvoiceCase, notice: NotifyRole | NotifyPerson, names: list[str], at: Moment) -> None:
    """Who it was that heard of an escalation."""
    if isinstance(notice, NotifyPerson):
        return
    case.write_entry(
        EntryKind.ESCALATION_TOLD, at, escalation=str(notice.details.get("escalation")), role=notice.role.value, told=", ".join(names)
    )


# --- escalation by hand


def escalate_invoice(case: InvoiceCase, command: EscalateInvoice, at: Moment) -> int:
    """People of that role are told at once, and have it among their tasks until one of them answers."""
    today, invoice = at.business.date(), case.journal.invoice_id or ""
    case.escalations.append(Escalation(act_id=command.act_id, role=command.role, by=command.actor))
    case.errands.append(TaskRequest(key=build_escalation_key(command.act_id), kind=TaskKind.ESCALATION, role=command.role, due_on=today))
    details: dict[str, FactValue] = {
        "invoice": invoice,
        "account": case.journal.account_id,
        "amount": case.facts.open_balance,
        "currency": case.facts.currency,
        "requester": command.actor,
        "days": max(case.facts.days_past_due(today), 0),
        "escalation": command.act_id,
    }
    case.outbox.append(NotifyRole(role=command.role, template="escalation_raised", details=details))
    return case.write_entry(EntryKind.ESCALATED, at, command.actor, act=command.act_id, role=command.role.value, note=command.note_id)


def answer_rejection_reason(case: InvoiceCase, command: AnswerEscalation) -> Refusal | None:
    known = _find_escalation(case, command.escalation)
    if known is None:
        return Refusal("escalation.unknown", "no such escalation of this invoice is known; its history names them")
    if is_same_person(command.actor, known.by):
        return Refusal("escalation.own", "who escalated it cannot answer it; add a note instead")
    if command.role is not known.role:
        return Refusal(
            "escalation.role",
            "this was escalated to {asked_role}; the role {role} cannot answer it",
            asked_role=known.role,
            role=command.role,
        )
    if known.answered_by:
        return Refusal("escalation.answered", "{person} has answered this escalation already", person=known.answered_by)
    if command.course and not _is_of_call(command.escalation):
        return Refusal("escalation.no_call", "only a call that was escalated can be given to somebody, or called off")
    return None


def _find_escalation(case: InvoiceCase, escalation: str) -> Escalation | None:
    """One made by hand; or that of the account's call, of which the invoice's own is a part, whichever of the invoices raised it."""
    known = next((each for each in case.escalations if each.act_id == escalation), None)
    if known is None and case.requested_call and case.requested_call.escalation_key == escalation:
        return Escalation(act_id=escalation, role=Role.COLLECTIONS_MANAGER, by=SYSTEM)
    return known


def _is_of_call(escalation: str) -> bool:
    return escalation.startswith(ESCALATED_CALL_PREFIX)


def answer_escalation(case: InvoiceCase, command: AnswerEscalation, at: Moment) -> int:
    """Its task is done. A call that is given to somebody is still to be made; of one that is called off nothing is waited for."""
    known = _find_escalation(case, command.escalation)
    if known is None:
        raise LookupError(f"there is no escalation {command.escalation!r}")
    answered = known.model_copy(update={"answered_by": command.actor})
    case.escalations = [*(each for each in case.escalations if each.act_id != known.act_id), answered]
    done = TaskRequest(
        key=build_escalation_key(command.escalation),
        kind=TaskKind.ESCALATION,
        role=known.role,
        due_on=at.business.date(),
        done_by=command.actor,
    )
    case.errands.append(done)
    facts: dict[str, FactValue] = {"act": command.act_id, "escalation": command.escalation, "note": command.note_id}
    if command.course:
        facts |= {"outcome": command.course.value} | ({"assignee": command.assignee} if command.assignee else {})
    if command.course is CallCourse.CALLED_OFF:
        case.requested_call = None
    elif command.course is CallCourse.ASSIGNED and command.expects_call and case.requested_call:
        case.requested_call = case.requested_call.assign(command.assignee, at.business.date())
    if not _is_of_call(command.escalation):
        details: dict[str, FactValue] = {"invoice": case.journal.invoice_id, "account": case.journal.account_id, "by": command.actor}
        case.outbox.append(NotifyPerson(user=known.by, template="escalation_answered", details=details))
    return case.write_entry(EntryKind.ESCALATION_ANSWERED, at, command.actor, **facts)
