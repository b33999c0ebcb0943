"""How a payment plan looks from outside: in lists, and to those who ask its workflow."""

from domain.case.case_view import CaseView
from domain.identifiers import CaseKind
from domain.journal.journal import FactValue
from domain.payment_plan.instalments import InstalmentSchedule
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.state import PlanStage
from domain.roles import Role


def waiting_for(case: PaymentPlanCase) -> str:
    """Who or what moves this case next, as a word that the console translates."""
    match case.stage:
        case PlanStage.PROPOSED:
            return "author"
        case PlanStage.APPROVAL:
            return "approval"
        case PlanStage.OFFERED:
            return "customer"
        case PlanStage.ACTIVE:
            return "payment"
        case _:
            return "nothing"


def next_step(case: PaymentPlanCase) -> str | None:
    """What happens next, if nobody does anything."""
    match case.stage:
        case PlanStage.PROPOSED | PlanStage.OFFERED:
            return "lapse"
        case PlanStage.APPROVAL:
            return "approval"
        case PlanStage.ACTIVE:
            return "grace_ends" if case.missed_on else "instalment_due"
        case _:
            return None


_AWAITED_ROLES = {PlanStage.PROPOSED: Role.COLLECTOR, PlanStage.OFFERED: Role.COLLECTOR}
"""Whose turn it is: to revise what came back, or to hear the customer's answer."""


def _build_summary(case: PaymentPlanCase) -> dict[str, FactValue]:
    """Amounts in minor units of the plan's currency. While a plan in force is renegotiated, `schedule` are the new terms."""
    revision = case.draft or case.agreed or case.revisions[-1]
    return {
        "invoices": " ".join(case.covered),
        "revision": revision.number,
        "total": revision.schedule.total,
        "instalments": len(revision.schedule.instalments),
        "received": case.received,
        "debt": case.debt,
        "currency": case.currency,
        "by": revision.by,
        "in_force": case.agreed is not None and not case.is_over,
        "missed": len(case.missed_on),
        "reason": case.reason,
        "lapses_on": case.lapses_on().isoformat() if case.stage in _AWAITED_ROLES else None,
        "schedule": _format_schedule(revision.schedule),
        "agreed": case.agreed.number if case.agreed else None,
        "agreed_total": case.agreed.schedule.total if case.agreed else None,
        "agreed_schedule": _format_schedule(case.agreed.schedule) if case.agreed else None,
    }


def _format_schedule(schedule: InstalmentSchedule) -> str:
    """day:amount:interest of each instalment, parted by spaces."""
    return " ".join(f"{one.due_on.isoformat()}:{one.amount}:{one.interest}" for one in schedule.instalments)


def build_case_view(case: PaymentPlanCase, run_id: str) -> CaseView:
    policy, wakes_at = case.snapshot, case.wakes_at()
    revision = case.agreed or case.revisions[-1]
    due = case.unpaid_instalments[0].due_on if case.unpaid_instalments else revision.schedule.instalments[0].due_on
    return CaseView(
        case_id=case.case_id,
        run_id=run_id,
        kind=CaseKind.PAYMENT_PLAN,
        account_id=case.journal.account_id,
        invoice_id=None,
        stage=case.stage.value,
        awaiting_role=_AWAITED_ROLES[case.stage].value if case.stage in _AWAITED_ROLES else None,
        summary=_build_summary(case),
        next_step=next_step(case),
        next_on=wakes_at.date() if wakes_at else None,
        waiting_for=waiting_for(case),
        open_balance=0 if case.is_over else revision.schedule.outstanding_amount(case.received),
        currency=case.currency,
        due_date=due,
        policy=policy.name,
        policy_version=policy.version,
        outcome=case.ending.value if case.ending else None,
    )
