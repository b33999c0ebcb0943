"""The course of a payment plan: what money and time do to it, and how it ends."""

from datetime import timedelta

from domain.approval.result import WITHDRAWN
from domain.billing.billing_events import InvoiceFacts
from domain.case.effects import ChargeInterest, HastenTimeline, LiftHold, PlaceHold, ReviseApproval, WithdrawApproval
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.payment_plan.instalments import Instalment
from domain.payment_plan.letters import (
    notify_author,
    request_instalment_letter,
    request_letter,
    withdraw_instalment_letters,
    withdraw_offer_letter,
)
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.state import INSOLVENT, NOT_REVISED, OFFER_LAPSED, SETTLED, CoveredInvoice, PlanRevision, PlanStage
from domain.timeline.holds import Hold, HoldKind

# --- money


def apply_invoice_facts(case: PaymentPlanCase, invoice_id: str, facts: InvoiceFacts, at: Moment) -> None:
    """What an invoice is owed less than before, by payment, credit or cancellation, the plan received; a rise takes it back."""
    known = case.covered.get(invoice_id)
    if case.is_over or known is None or facts.version <= known.version:
        return
    came = known.open_balance - facts.open_balance
    if not known.open_balance:
        hold_invoice(case, invoice_id, at)
    case.covered[invoice_id] = CoveredInvoice(version=facts.version, open_balance=facts.open_balance)
    if came:
        _add_received(case, came, at, invoice=invoice_id)


def hold_invoice(case: PaymentPlanCase, invoice_id: str, at: Moment) -> None:
    """Nobody chases what is being negotiated, or paid as agreed."""
    hold = Hold(hold_id=case.case_id, kind=HoldKind.PAYMENT_PLAN, since=at.business)
    case.add_effect(PlaceHold(invoice_id=invoice_id, hold=hold))


def apply_interest_payment(case: PaymentPlanCase, event_id: str, amount: int, at: Moment) -> None:
    """The account paid interest that this plan charged; a payment that bounced counts negative."""
    if amount and not case.is_over and case.mark_seen(event_id):
        _add_received(case, amount, at, invoice=None)


def _add_received(case: PaymentPlanCase, amount: int, at: Moment, invoice: str | None) -> None:
    case.received += amount
    case.write_entry(EntryKind.PLAN_MONEY_COUNTED, at, amount=amount, invoice=invoice, received=case.received)
    if case.agreed:
        allocate_received(case, at)
    elif case.debt <= 0:
        cancel_plan(case, SETTLED, at)
        return
    if case.draft and case.draft_stage is PlanStage.APPROVAL and not case.is_over:
        amount = case.draft.schedule.outstanding_amount(case.received)
        revision = ReviseApproval(number=case.draft.number, amount=amount, currency=case.currency)
        case.add_revision(revision.model_copy(update={"invoices": case.asked_invoices, "reason": case.draft.why}))


def allocate_received(case: PaymentPlanCase, at: Moment) -> None:
    """Which instalments are paid now. One that a bounced payment leaves open again is due again, with its days of grace."""
    if case.agreed is None:
        return
    unpaid = {instalment.number for instalment in case.unpaid_instalments}
    for instalment in case.agreed.schedule.instalments:
        if instalment.number in unpaid:
            case.paid = [number for number in case.paid if number != instalment.number]
        elif instalment.number not in case.paid:
            case.paid.append(instalment.number)
            withdraw_instalment_letters(case, instalment.number)
            late = case.missed_on.pop(instalment.number, None) is not None or at.business.date() > instalment.due_on
            case.write_entry(EntryKind.PLAN_INSTALMENT_PAID, at, instalment=instalment.number, amount=instalment.amount, late=late)
    if not unpaid:
        case.write_entry(EntryKind.PLAN_COMPLETED, at, total=case.agreed.schedule.total, received=case.received)
        request_letter(case, "plan_completed", case.agreed, at)
        end_plan(case, PlanStage.COMPLETED, SETTLED, SETTLED)


# --- time


def run_due_actions(case: PaymentPlanCase, at: Moment) -> None:
    """Recall what is soon due, note what was missed, break what grace is over for, let lapse what nobody answered.

    Grace counts from the day on which a missed instalment is noted: an outage shortens it for nobody.
    """
    if case.is_over:
        return
    today = at.business.date()
    for instalment in case.list_uncharged_instalments():
        if instalment.due_on <= today:
            _charge_interest(case, instalment)
    for instalment in case.unpaid_instalments:
        if instalment.number in case.missed_on and case.break_day(instalment) <= today:
            _break_plan(case, instalment, at)
            return
        if instalment.number not in case.missed_on and instalment.due_on < today:
            _record_missed_instalment(case, instalment, at)
        elif instalment.number not in case.recalled and case.reminder_day(instalment) <= today <= instalment.due_on:
            _remind_instalment(case, instalment, at)
    if case.draft and case.draft_stage is not PlanStage.APPROVAL and case.lapses_on() < today:
        _lapse_draft(case, case.draft, at)


def _charge_interest(case: PaymentPlanCase, instalment: Instalment) -> None:
    if case.agreed is None:
        return
    key = f"{case.case_id}:{case.agreed.number}:{instalment.number}"
    amount = case.agreed.schedule.cumulative_interest(instalment.number) - case.interest_charged
    if amount <= 0:  # an earlier instalment of the same day took it along
        return
    case.interest_charged += amount
    case.add_effect(ChargeInterest(key=key, account_id=case.journal.account_id, amount=amount, currency=case.currency))


def _remind_instalment(case: PaymentPlanCase, instalment: Instalment, at: Moment) -> None:
    case.recalled.append(instalment.number)
    case.write_entry(EntryKind.PLAN_INSTALMENT_RECALLED, at, instalment=instalment.number, due_on=instalment.due_on.isoformat())
    request_instalment_letter(case, "plan_instalment_due", instalment, at)


def _record_missed_instalment(case: PaymentPlanCase, instalment: Instalment, at: Moment) -> None:
    case.missed_on[instalment.number] = at.business.date()
    case.recalled += [instalment.number] if instalment.number not in case.recalled else []
    last_day = case.break_day(instalment) - timedelta(1)
    case.write_entry(
        EntryKind.PLAN_INSTALMENT_MISSED,
        at,
        instalment=instalment.number,
        due_on=instalment.due_on.isoformat(),
        grace_until=last_day.isoformat(),
    )
    request_instalment_letter(case, "plan_missed", instalment, at, until=last_day.isoformat())


def _break_plan(case: PaymentPlanCase, instalment: Instalment, at: Moment) -> None:
    case.write_entry(EntryKind.PLAN_BROKEN, at, instalment=instalment.number, due_on=instalment.due_on.isoformat(), received=case.received)
    request_instalment_letter(case, "plan_broken", instalment, at)
    for invoice_id, invoice in case.covered.items():
        if invoice.open_balance > 0:
            case.add_effect(HastenTimeline(invoice_id=invoice_id, case_id=case.case_id))
    end_plan(case, PlanStage.BROKEN, f"instalment_{instalment.number}", WITHDRAWN)


def _lapse_draft(case: PaymentPlanCase, draft: PlanRevision, at: Moment) -> None:
    why = OFFER_LAPSED if case.draft_stage is PlanStage.OFFERED else NOT_REVISED
    case.write_entry(EntryKind.PLAN_LAPSED, at, revision=draft.number, reason=why)
    notify_author(case, "plan_lapsed", because=why)
    drop_draft(case, PlanStage.CANCELLED, why)


# --- its end


def cancel_plan(case: PaymentPlanCase, why: str, at: Moment, actor: str = SYSTEM, command_id: str | None = None) -> int:
    """The plan ends without reproach; the invoices' timelines go on where they stopped."""
    seq = case.write_entry(EntryKind.PLAN_CANCELLED, at, actor, act=command_id, reason=why, received=case.received)
    if case.agreed and why != INSOLVENT:
        request_letter(case, "plan_cancelled", case.agreed, at)
    end_plan(case, PlanStage.CANCELLED, why, SETTLED if why == SETTLED else WITHDRAWN)
    return seq


def drop_draft(case: PaymentPlanCase, end: PlanStage, why: str) -> None:
    """Terms that came to nothing: those in force go on, and without any the plan is over."""
    case.draft = None
    withdraw_offer_letter(case)
    if case.agreed is None:
        end_plan(case, end, why, WITHDRAWN)


def withdraw_approval(case: PaymentPlanCase, reason: str) -> None:
    if case.draft and case.draft_stage is PlanStage.APPROVAL:
        case.add_effect(WithdrawApproval(number=case.draft.number, reason=reason))


def end_plan(case: PaymentPlanCase, end: PlanStage, why: str, approval_lapses: str) -> None:
    """Every end is the last: it takes back an open approval and lifts the holds."""
    withdraw_approval(case, approval_lapses)
    withdraw_offer_letter(case)
    case.draft, case.ending, case.reason = None, end, why
    for invoice_id in case.covered:
        case.add_effect(LiftHold(invoice_id=invoice_id, hold_id=case.case_id))
