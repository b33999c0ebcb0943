"""What ties an invoice to the cases of its account: they hold it and tell it what they did, and it tells them what billing reports."""

from domain import ids
from domain.acts import AnswerEscalation, Escalate
from domain.arrears import InvoiceNews
from domain.delegations import same_person
from domain.effects import JoinSuspension, NotifyPerson, NotifyRole, ResumeHarsher, TellInvoice
from domain.escalation import Escalation
from domain.holds import Hold, HoldKind
from domain.invoice_case import InvoiceCase, Moment
from domain.journal import EntryKind, Fact
from domain.policy import Step, StepAct
from domain.record import Errand

ASKS_FOR_SUSPENSION = (StepAct.SUSPENSION_WARNING, StepAct.SUSPENSION, StepAct.HAND_OVER)


def _case_of(hold: Hold, account_id: str) -> str | None:
    """The case of the account that placed it."""
    match hold.kind:
        case HoldKind.PAYMENT_PLAN:
            return hold.hold_id
        case HoldKind.SUSPENSION:
            return ids.suspension_case(account_id)
        case HoldKind.CREDIT_REVIEW:
            return ids.credit_review_case(account_id)
        case HoldKind.WRITE_OFF:
            return ids.write_off_case(account_id)
    return None


def news_of(case: InvoiceCase) -> InvoiceNews:
    return InvoiceNews(
        invoice_id=case.journal.invoice_id or "", facts=case.facts, disputed=min(case.disputed, case.facts.open_balance),
        planned=case.holds.has(HoldKind.PAYMENT_PLAN), insolvent=case.holds.has(HoldKind.CREDIT_REVIEW),
    )  # fmt: skip


def be_held(case: InvoiceCase, hold: Hold, at: Moment) -> str | None:
    """A case that holds the invoice hears from now on what becomes of it: the id of that case."""
    case.place_hold(hold, at)
    its_case = _case_of(hold, case.journal.account_id)
    if its_case:
        follow(case, its_case)
    return its_case


def follow(case: InvoiceCase, case_id: str) -> None:
    if case_id not in case.followers:
        case.followers.append(case_id)


def forget(case: InvoiceCase, case_id: str) -> None:
    """A case that is over need not be told any more; unless the next one of its id holds the invoice by now."""
    holding = {_case_of(hold, case.journal.account_id) for hold in case.holds.standing.values()}
    if case_id in case.followers and case_id not in holding:
        case.followers.remove(case_id)


def hear_what_was_done(case: InvoiceCase, news: TellInvoice, at: Moment) -> None:
    """A kind of entry that today's code does not know tells nothing: a signal must never stop a workflow."""
    if news.what in set(EntryKind):
        case.note(EntryKind(news.what), at, case=news.case_id)


def hasten(case: InvoiceCase, news: ResumeHarsher, at: Moment) -> None:
    """For the next step, the time that was spent on hold does not stop the clock."""
    case.hastened_at = at.business
    case.note(EntryKind.TIMELINE_HASTENED, at, case=news.case_id)


def held_by(case: InvoiceCase, kind: HoldKind) -> str | None:
    """The case of the account that holds the invoice in this way."""
    hold = next((hold for hold in case.holds.standing.values() if hold.kind is kind), None)
    return _case_of(hold, case.journal.account_id) if hold else None


def ask_as_the_step_says(case: InvoiceCase, step: Step) -> None:
    """The last steps of a timeline are the account's to take: they ask for its suspension, or its hand-over."""
    if step.act in ASKS_FOR_SUSPENSION:
        account, hand_over = case.journal.account_id, step.act is StepAct.HAND_OVER
        case.outbox.append(JoinSuspension(account_id=account, claim=news_of(case).claim, hand_over=hand_over))
        follow(case, ids.suspension_case(account))


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


def told(case: InvoiceCase, notice: NotifyRole | NotifyPerson, names: list[str], at: Moment) -> None:
    """Who it was that heard of an escalation."""
    if isinstance(notice, NotifyPerson):
        return
    case.note(
        EntryKind.ESCALATION_TOLD, at, escalation=str(notice.details.get("escalation")), role=notice.role.value, told=", ".join(names)
    )  # fmt: skip
