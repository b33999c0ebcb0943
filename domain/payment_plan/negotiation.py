"""How the terms of a payment plan come about: proposed, approved by the matrix, offered to the customer, accepted or declined.

A plan that runs can be revised: until the new terms are accepted the old ones hold, so that bargaining puts nothing off.
"""

from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.payment_plan.commands import RevisePlan, Side
from domain.payment_plan.instalments import InstalmentSchedule, InstalmentTerms
from domain.payment_plan.letters import build_revision_facts, notify_author, request_letter, withdraw_offer_letter
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.plan_progress import allocate_received, drop_draft, hold_invoice, withdraw_approval
from domain.payment_plan.state import DECLINED, OFFER_LETTER, REVISED, PlanRevision, PlanStage


def open_plan(case: PaymentPlanCase, at: Moment) -> None:
    """Proposed: the invoices are held from now on, for nobody chases what is being negotiated."""
    proposal = case.proposal
    case.mark_seen(proposal.act_id)
    revision = _build_revision(case, proposal.terms, proposal.actor, proposal.asked_by, proposal.why, at)
    case.write_entry(
        EntryKind.PLAN_PROPOSED,
        at,
        proposal.actor,
        act=proposal.act_id,
        invoices=" ".join(case.covered),
        debt=case.debt,
        note=proposal.note_id,
        **build_revision_facts(revision),
    )
    for invoice_id in case.covered:
        hold_invoice(case, invoice_id, at)
    _submit_for_approval(case, revision, at)


def revise_plan(case: PaymentPlanCase, command: RevisePlan, at: Moment) -> int:
    """New terms take the place of those under negotiation, and need approval anew. The number of the journal's entry."""
    withdraw_offer_letter(case)
    withdraw_approval(case, REVISED)
    revision = _build_revision(case, command.terms, command.actor, command.asked_by, command.why, at)
    seq = case.write_entry(
        EntryKind.PLAN_REVISED, at, command.actor, act=command.act_id, note=command.note_id, **build_revision_facts(revision)
    )
    _submit_for_approval(case, revision, at)
    return seq


def _build_revision(case: PaymentPlanCase, terms: InstalmentTerms, by: str, asked_by: Side, why: str, at: Moment) -> PlanRevision:
    today = at.business.date()
    since, owed, interest_before = today, 0, 0
    if case.agreed:
        since, owed = case.agreed.schedule.compute_interest_state(case.received, today, case.agreed.since)
        interest_before = case.agreed.schedule.paid_interest(case.received)
    schedule = InstalmentSchedule.from_terms(terms, case.debt, since, case.received, interest_before, owed)
    return PlanRevision(
        number=len(case.revisions) + 1, terms=terms, schedule=schedule, since=since, by=by, asked_by=asked_by, why=why, made_on=today
    )


def _submit_for_approval(case: PaymentPlanCase, revision: PlanRevision, at: Moment) -> None:
    case.revisions.append(revision)
    case.draft, case.draft_stage, case.draft_since = revision, PlanStage.APPROVAL, at.business.date()
    approval = case.pending_approval()
    if approval:
        case.add_effect(approval)


def apply_approval_outcome(case: PaymentPlanCase, outcome: ApprovalOutcome, at: Moment) -> None:
    """Approved terms are offered, returned ones wait for their author, as do those whose first day passed before they were approved;
    rejected ones are over, and so is a plan without others."""
    if case.draft is None or case.is_over or case.draft_stage is not PlanStage.APPROVAL or outcome.number != case.draft.number:
        return
    overtaken = case.draft.schedule.instalments[0].due_on < at.business.date()
    match outcome.result:
        case ApprovalResult.APPROVED if not overtaken:
            case.draft_stage, case.draft_since = PlanStage.OFFERED, at.business.date()
            case.write_entry(EntryKind.PLAN_OFFERED, at, outcome.by, revision=case.draft.number, until=case.lapses_on().isoformat())
            answer_by = min(case.lapses_on(), case.draft.schedule.instalments[0].due_on)  # later it could not be accepted
            case.offer = request_letter(case, OFFER_LETTER, case.draft, at, until=answer_by.isoformat(), earlier_offers=case.offers)
        case ApprovalResult.REJECTED:
            case.write_entry(EntryKind.PLAN_REJECTED, at, outcome.by, revision=case.draft.number, reason=outcome.reason)
            notify_author(case, "plan_rejected")
            drop_draft(case, PlanStage.REJECTED, "not_approved")
        case ApprovalResult.RETURNED | ApprovalResult.LAPSED | ApprovalResult.APPROVED:
            case.draft_stage, case.draft_since = PlanStage.PROPOSED, at.business.date()
            case.write_entry(
                EntryKind.PLAN_RETURNED,
                at,
                outcome.by,
                revision=case.draft.number,
                result=outcome.result.value,
                reason=outcome.reason,
                until=case.lapses_on().isoformat(),
            )
            notify_author(case, "plan_returned", until=case.lapses_on().isoformat())


def accept_plan(case: PaymentPlanCase, at: Moment) -> None:
    """The terms under negotiation come into force; their instalments are counted afresh."""
    withdraw_offer_letter(case)
    case.agreed, case.draft = case.draft, None
    case.recalled, case.paid, case.missed_on = [], [], {}
    if case.agreed:
        request_letter(case, "plan_confirmation", case.agreed, at)
    allocate_received(case, at)


def decline_plan(case: PaymentPlanCase) -> None:
    drop_draft(case, PlanStage.REJECTED, DECLINED)
