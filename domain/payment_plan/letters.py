"""What a payment plan tells: the customer by letter, and the author of its terms by message."""

from domain.case.effects import NotifyPerson, SendLetter, WithdrawLetter
from domain.clock import Moment
from domain.journal.entry import FactValue
from domain.payment_plan.instalments import Instalment
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.state import PlanRevision


def build_revision_facts(revision: PlanRevision) -> dict[str, FactValue]:
    schedule = revision.schedule
    return {
        "revision": revision.number,
        "total": schedule.total,
        "interest": schedule.interest,
        "instalments": len(schedule.instalments),
        "first_on": schedule.instalments[0].due_on.isoformat(),
        "last_on": schedule.last_day.isoformat(),
        "asked_by": revision.asked_by.value,
        "why": revision.why,
    }


def request_letter(case: PaymentPlanCase, template: str, revision: PlanRevision, at: Moment, suffix: str = "", **more: FactValue) -> str:
    """Its key. `schedule` lists the instalments as day:amount:interest, parted by spaces."""
    schedule = " ".join(
        f"{instalment.due_on.isoformat()}:{instalment.amount}:{instalment.interest}" for instalment in revision.schedule.instalments
    )
    details: dict[str, FactValue] = {
        "plan": case.case_id,
        "revision": revision.number,
        "currency": case.currency,
        "total": revision.schedule.total,
        "received": case.received,
        "outstanding": revision.schedule.outstanding_amount(case.received),
        "invoices": " ".join(case.covered),
        "interest_percent": str(revision.terms.interest_percent),
        "schedule": schedule,
    }
    key = f"{case.case_id}:{template}:{revision.number}{suffix}"
    invoices = list(case.covered)
    case.add_effect(SendLetter(template=template, on=at.business.date(), key=key, invoice_ids=invoices, details=details | more))
    return key


def request_instalment_letter(case: PaymentPlanCase, template: str, instalment: Instalment, at: Moment, **more: FactValue) -> None:
    if case.agreed is None:
        return
    share = case.agreed.schedule.paid_amounts(case.received)[instalment.number - 1]
    key = request_letter(
        case,
        template,
        case.agreed,
        at,
        f":{instalment.number}:{at.business.date().isoformat()}",
        instalment=instalment.number,
        due_on=instalment.due_on.isoformat(),
        amount=instalment.amount,
        paid=share,
        to_pay=instalment.amount - share,
        **more,
    )
    case.about.setdefault(instalment.number, []).append(key)


def withdraw_offer_letter(case: PaymentPlanCase) -> None:
    """Should it not have gone yet."""
    if case.offer:
        case.add_effect(WithdrawLetter(key=case.offer))
        case.offer = None


def withdraw_instalment_letters(case: PaymentPlanCase, instalment: int) -> None:
    """It is paid: letters that ask for it, and have not gone yet, need not go."""
    for key in case.about.pop(instalment, []):
        case.add_effect(WithdrawLetter(key=key))


def notify_author(case: PaymentPlanCase, template: str, **more: FactValue) -> None:
    if case.draft:
        details: dict[str, FactValue] = {"plan": case.case_id, "revision": case.draft.number}
        case.add_effect(NotifyPerson(user=case.draft.by, template=template, details=details | more))
