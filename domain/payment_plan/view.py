"""How a payment plan looks from outside: in lists, and to those who ask its workflow."""

from domain.case.case_view import AwaitedParties, CaseView
from domain.case.summary_fields import dump_summary
from domain.identifiers import CaseKind
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.state import PlanRevision, PlanStage
from domain.payment_plan.summary import PaymentPlanSummary
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


def _find_awaited_author(case: PaymentPlanCase) -> AwaitedParties | None:
    """Whoever put forward what came back may revise it, whosever account it is."""
    return AwaitedParties(people=[_last_revision(case).by]) if case.stage is PlanStage.PROPOSED else None


def _build_summary(case: PaymentPlanCase) -> PaymentPlanSummary:
    """While a plan in force is renegotiated, `schedule` are the new terms."""
    revision, agreed = _last_revision(case), case.agreed
    return PaymentPlanSummary(
        invoices=tuple(case.covered),
        revision=revision.number,
        total=revision.schedule.total,
        instalments=len(revision.schedule.instalments),
        received=case.received,
        debt=case.debt,
        currency=case.currency,
        by=revision.by,
        in_force=agreed is not None and not case.is_over,
        missed=len(case.missed_on),
        reason=case.reason,
        lapses_on=case.lapses_on() if case.stage in _AWAITED_ROLES else None,
        schedule=revision.schedule.instalments,
        agreed=agreed.number if agreed else None,
        agreed_total=agreed.schedule.total if agreed else None,
        agreed_schedule=agreed.schedule.instalments if agreed else None,
    )


def _last_revision(case: PaymentPlanCase) -> PlanRevision:
    return case.draft or case.agreed or case.revisions[-1]


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
        awaited=_find_awaited_author(case),
        summary=dump_summary(_build_summary(case)),
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
