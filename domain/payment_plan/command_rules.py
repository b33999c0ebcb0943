"""What people may do to a payment plan: what rules an act out, and what it changes."""

from datetime import date

from domain.case.command import Act
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, RevisePlan
from domain.payment_plan.instalments import terms_refusal
from domain.payment_plan.plan_case import PaymentPlanCase, PlanStage


def refusal(case: PaymentPlanCase, act: Act, today: date) -> str | None:
    """Why the act cannot be accepted, in words; None when it can. `today` is the business date. An act that was done is not refused."""
    if act.act_id in case.seen:
        return None
    if case.over:
        return f"the plan is {case.ending}"
    match act:
        case RevisePlan():
            return terms_refusal(act.terms, case.debt, today, case.rules)
        case AcceptPlan():
            return _offer_refusal(case, act.revision) or _too_late(case, today)
        case DeclinePlan():
            return _offer_refusal(case, act.revision)
    return None


def _offer_refusal(case: PaymentPlanCase, revision: int) -> str | None:
    if case.draft is None or case.draft_stage is not PlanStage.OFFERED:
        return "nothing is on offer to the customer: " + ("the terms are not approved yet" if case.draft else "the plan is in force")
    if case.draft.number != revision:
        return f"revision {revision} was replaced; revision {case.draft.number} is on offer"
    return None


def _too_late(case: PaymentPlanCase, today: date) -> str | None:
    open_ones = case.draft.schedule.unpaid(case.received) if case.draft else []
    if open_ones and open_ones[0].due_on < today:
        return "the first instalment's day has passed; revise the plan"
    return None


def carry_out(case: PaymentPlanCase, act: Act, at: Moment) -> int | None:
    """Do the act once. The number of its journal entry, or None if it was done before.

    An act that came as a signal has passed no validator: what rules it out is then journalled as its refusal.
    """
    reason = refusal(case, act, at.business.date())
    if not case.sees(act.act_id):
        return None
    if reason:
        return case.note(EntryKind.ACT_REFUSED, at, act.actor, act=act.act_id, what=act.journal_name, reason=reason)
    match act:
        case RevisePlan():
            return case.revise(act, at)
        case AcceptPlan():
            seq = case.note(EntryKind.PLAN_ACCEPTED, at, act.actor, act=act.act_id, revision=act.revision, note=act.note_id)
            case.accept(at)
            return seq
        case DeclinePlan():
            seq = case.note(EntryKind.PLAN_DECLINED, at, act.actor, act=act.act_id, revision=act.revision, note=act.note_id)
            case.decline()
            return seq
        case CancelPlan():
            return case.cancel(act.why, at, act.actor, act=act.act_id)
        case _:
            raise TypeError(f"no rule says what a {type(act).__name__} does to a payment plan")
