"""What people may do to a payment plan: what rules an act out, and what it changes."""

from datetime import date

from domain.case.command import Command
from domain.case.command_handling import CommandRules
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, RevisePlan
from domain.payment_plan.instalments import terms_rejection_reason
from domain.payment_plan.negotiation import accept_plan, decline_plan, revise_plan
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.plan_progress import cancel_plan
from domain.payment_plan.state import PlanStage
from domain.refusal import Refusal


def _find_rejection_reason(case: PaymentPlanCase, command: Command, today: date) -> Refusal | None:
    if case.is_over:
        return Refusal("plan.over", "the plan is {plan_ending}", plan_ending=case.ending)
    match command:
        case RevisePlan():
            return terms_rejection_reason(command.terms, case.debt, today, case.rules)
        case AcceptPlan():
            return _offer_rejection_reason(case, command.revision) or _overdue_rejection_reason(case, today)
        case DeclinePlan():
            return _offer_rejection_reason(case, command.revision)
    return None


def _offer_rejection_reason(case: PaymentPlanCase, revision: int) -> Refusal | None:
    if case.draft is None or case.draft_stage is not PlanStage.OFFERED:
        if case.draft:
            return Refusal("plan.not_approved", "nothing is on offer to the customer: the terms are not approved yet")
        return Refusal("plan.in_force", "nothing is on offer to the customer: the plan is in force")
    if case.draft.number != revision:
        return Refusal(
            "plan.replaced",
            "revision {revision} was replaced; revision {offered} is on offer",
            revision=revision,
            offered=case.draft.number,
        )
    return None


def _overdue_rejection_reason(case: PaymentPlanCase, today: date) -> Refusal | None:
    open_ones = case.draft.schedule.unpaid_instalments(case.received) if case.draft else []
    if open_ones and open_ones[0].due_on < today:
        return Refusal("plan.first_day_passed", "the first instalment's day has passed; revise the plan")
    return None


def _apply_accepted_command(case: PaymentPlanCase, command: Command, at: Moment) -> int | None:
    match command:
        case RevisePlan():
            return revise_plan(case, command, at)
        case AcceptPlan():
            seq = case.write_entry(
                EntryKind.PLAN_ACCEPTED, at, command.actor, act=command.act_id, revision=command.revision, note=command.note_id
            )
            accept_plan(case, at)
            return seq
        case DeclinePlan():
            seq = case.write_entry(
                EntryKind.PLAN_DECLINED, at, command.actor, act=command.act_id, revision=command.revision, note=command.note_id
            )
            decline_plan(case)
            return seq
        case CancelPlan():
            return cancel_plan(case, command.why, at, command.actor, command_id=command.act_id)
        case _:
            raise TypeError(f"no rule says what a {type(command).__name__} does to a payment plan")


RULES = CommandRules(_find_rejection_reason, _apply_accepted_command)
rejection_reason, apply_command = RULES.rejection_reason, RULES.apply_command
