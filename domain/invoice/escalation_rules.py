"""When an invoice is escalated, who may answer, and what the answer does."""

from domain.case.case_view import Errand
from domain.case.effects import NotifyPerson, NotifyRole
from domain.clock import Moment
from domain.invoice.commands import AnswerEscalation, Escalate
from domain.invoice.escalation import Escalation
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Fact
from domain.roles import same_person


def told(case: InvoiceCase, notice: NotifyRole | NotifyPerson, names: list[str], at: Moment) -> None:
    """Who it was that heard of an escalation."""
    if isinstance(notice, NotifyPerson):
        return
    case.note(
        EntryKind.ESCALATION_TOLD, at, escalation=str(notice.details.get("escalation")), role=notice.role.value, told=", ".join(names)
    )  # fmt: skip


# --- escalation by hand


def escalate(case: InvoiceCase, act: Escalate, at: Moment) -> int:
    """People of that role are told at once, and have it among their tasks until one of them answers."""
    today, invoice = at.business.date(), case.journal.invoice_id or ""
    case.escalations.append(Escalation(act_id=act.act_id, role=act.role, by=act.actor))
    case.errands.append(Errand(key=f"escalation:{act.act_id}", kind="escalation", role=act.role, due_on=today))
    details: dict[str, Fact] = {
        "invoice": invoice, "account": case.journal.account_id, "amount": case.facts.open_balance, "currency": case.facts.currency,
        "requester": act.actor, "days": max(case.facts.days_past_due(today), 0), "escalation": act.act_id,
    }  # fmt: skip
    case.outbox.append(NotifyRole(role=act.role, template="escalation_raised", details=details))
    return case.note(EntryKind.ESCALATED, at, act.actor, act=act.act_id, role=act.role.value, note=act.note_id)


def answer_refusal(case: InvoiceCase, act: AnswerEscalation) -> str | None:
    known = next((one for one in case.escalations if one.act_id == act.escalation), None)
    if known is None:
        return "no such escalation of this invoice is known; its history names them"
    if same_person(act.actor, known.by):
        return "who escalated it cannot answer it; add a note instead"
    if act.role is not known.role:
        return f"this was escalated to {known.role}; the role {act.role} cannot answer it"
    if known.answered_by:
        return f"{known.answered_by} has answered this escalation already"
    return None


def answer_escalation(case: InvoiceCase, act: AnswerEscalation, at: Moment) -> int:
    answered = next(one for one in case.escalations if one.act_id == act.escalation)
    case.escalations = [
        one.model_copy(update={"answered_by": act.actor}) if one is answered else one for one in case.escalations
    ]  # fmt: skip
    done = Errand(key=f"escalation:{act.escalation}", kind="escalation", role=answered.role, due_on=at.business.date(), done_by=act.actor)
    case.errands.append(done)
    details: dict[str, Fact] = {"invoice": case.journal.invoice_id, "account": case.journal.account_id, "by": act.actor}
    case.outbox.append(NotifyPerson(user=answered.by, template="escalation_answered", details=details))
    return case.note(EntryKind.ESCALATION_ANSWERED, at, act.actor, act=act.act_id, escalation=act.escalation, note=act.note_id)
