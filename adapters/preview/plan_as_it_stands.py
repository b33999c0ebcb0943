"""A payment plan as its workflow has it, as far as the read model and the journal tell: enough to play other terms for it."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlmodel import col

from adapters.cases.case_inputs import CaseInputLoader
from adapters.database.engine import Database
from adapters.database.tables import Case
from adapters.read_model.cases import CaseRow
from adapters.read_model.invoices import find_pinned_policy
from adapters.read_model.journal import JournalLine, list_case_history
from adapters.read_model.plans import list_revisions
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.payment_plan.commands import ProposePlan, Side
from domain.payment_plan.instalments import DebtPortion, InstalmentTerms
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.present_terms import find_interest_percent
from domain.payment_plan.state import ENDED_STAGES, CoveredInvoice, PlanRevision, PlanStage
from domain.payment_plan.summary import PaymentPlanSummary, RevisionSchedule
from domain.policy.collection_policy import PolicySnapshot


def load_plan_case(database: Database, inputs: CaseInputLoader, row: CaseRow) -> PaymentPlanCase:
    """`row`: of a payment plan. What earlier revisions before the last two were is not told: no terms depend on it."""
    summary, history = row.summary_of(PaymentPlanSummary), list_case_history(database, row.case_id)
    agreed = _restore_revision(summary.current_terms, summary, history) if summary.agreed is not None else None
    latest = agreed if agreed and summary.proposed_terms is None else _restore_latest(summary, history)
    stage = PlanStage(row.stage)
    proposal = ProposePlan(
        act_id=row.case_id, actor=latest.by, invoice_ids=list(summary.invoices), currency=summary.currency, terms=latest.terms
    )
    invoices = inputs.load_plan_invoices(row.account_id, summary.invoices)
    return PaymentPlanCase(
        journal=Journal(case_id=row.case_id, account_id=row.account_id),
        snapshot=_load_policy(database, inputs, row),
        proposal=proposal,
        covered={each.invoice_id: CoveredInvoice(version=each.facts.version, open_balance=each.facts.open_balance) for each in invoices},
        broken_plans=inputs.count_broken_plans(row.account_id),
        revisions=[latest] * summary.revision,
        draft=latest if latest is not agreed else None,
        draft_stage=stage,
        agreed=agreed,
        received=summary.received,
        offers=sum(line.kind == EntryKind.PLAN_OFFERED for line in history),
        ending=stage if stage in ENDED_STAGES else None,
    )


def find_plan_rate(database: Database, row: CaseRow) -> Decimal:
    """The yearly interest of the terms that were put forward last."""
    summary = row.summary_of(PaymentPlanSummary)
    return _restore_latest(summary, list_case_history(database, row.case_id)).terms.interest_percent


def _restore_latest(summary: PaymentPlanSummary, history: Sequence[JournalLine]) -> PlanRevision:
    return _restore_revision(summary.proposed_terms or summary.current_terms, summary, history)


def _restore_revision(known: RevisionSchedule, summary: PaymentPlanSummary, history: Sequence[JournalLine]) -> PlanRevision:
    """Its terms are told by its instalments, as each of them stands."""
    line = next((line for line in list_revisions(history) if line.facts["revision"] == known.revision), None)
    made_on = line.business_at.date() if line else date.min
    schedule = known.schedule
    portions = [DebtPortion(due_on=each.due_on, amount=each.principal) for each in schedule.instalments]
    rate = find_interest_percent(schedule, made_on) if line else Decimal(0)
    return PlanRevision(
        number=known.revision,
        terms=InstalmentTerms(first_on=portions[0].due_on, custom=portions, interest_percent=rate),
        schedule=schedule,
        since=made_on,
        by=summary.by,
        asked_by=Side.US,
        why="",
        made_on=made_on,
    )


def _load_policy(database: Database, inputs: CaseInputLoader, row: CaseRow) -> PolicySnapshot:
    """The one that the plan pinned."""
    with database.reading() as session:
        name, version = session.execute(select(col(Case.policy), col(Case.policy_version)).where(col(Case.case_id) == row.case_id)).one()
    pinned = find_pinned_policy(database, name, version) if name and version else None
    return pinned or inputs.load_policy(row.account_id)
