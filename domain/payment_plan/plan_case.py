"""A payment plan: proposed, approved by the matrix, offered to the customer, accepted; then kept, or broken.

A plan that runs can be revised: until the new terms are accepted the old ones hold, so that bargaining puts nothing off.
"""

from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.case.effects import RequestApproval
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.payment_plan.commands import RevisePlan, Side
from domain.payment_plan.instalments import InstalmentSchedule, InstalmentTerms
from domain.payment_plan.plan_progress import PlanProgress
from domain.payment_plan.state import DECLINED, ENDED_STAGES, REVISED, CoveredInvoice, PlanRevision, PlanStage
from domain.policy.approval_type import ApprovalType


class PaymentPlanCase(PlanProgress):
    """One plan over some invoices of an account, serialisable whole: what is negotiated, on top of what money and time do to it."""

    def open(self, at: Moment) -> None:
        """Proposed: the invoices are held from now on, for nobody chases what is being negotiated."""
        act = self.proposal
        self.mark_seen(act.act_id)
        revision = self._build_revision(act.terms, act.actor, act.asked_by, act.why, at)
        self.write_entry(
            EntryKind.PLAN_PROPOSED,
            at,
            act.actor,
            act=act.act_id,
            invoices=" ".join(self.covered),
            debt=self.debt,
            note=act.note_id,
            **self.revision_facts(revision),
        )
        for invoice_id in self.covered:
            self.hold_invoice(invoice_id, at)
        self._submit_for_approval(revision, at)

    def revise(self, command: RevisePlan, at: Moment) -> int:
        """New terms take the place of those under negotiation, and need approval anew. The number of the journal's entry."""
        self.withdraw_offer_letter()
        self.withdraw_approval(REVISED)
        revision = self._build_revision(command.terms, command.actor, command.asked_by, command.why, at)
        seq = self.write_entry(
            EntryKind.PLAN_REVISED, at, command.actor, act=command.act_id, note=command.note_id, **self.revision_facts(revision)
        )
        self._submit_for_approval(revision, at)
        return seq

    def _build_revision(self, terms: InstalmentTerms, by: str, asked_by: Side, why: str, at: Moment) -> PlanRevision:
        today = at.business.date()
        since, owed, interest_before = today, 0, 0
        if self.agreed:
            since, owed = self.agreed.schedule.compute_interest_state(self.received, today, self.agreed.since)
            interest_before = self.agreed.schedule.paid_interest(self.received)
        schedule = InstalmentSchedule.from_terms(terms, self.debt, since, self.received, interest_before, owed)
        return PlanRevision(
            number=len(self.revisions) + 1, terms=terms, schedule=schedule, since=since, by=by, asked_by=asked_by, why=why, made_on=today
        )

    def _submit_for_approval(self, revision: PlanRevision, at: Moment) -> None:
        self.revisions.append(revision)
        self.draft, self.draft_stage, self.draft_since = revision, PlanStage.APPROVAL, at.business.date()
        asked = self.pending_approval()
        if asked:
            self.add_effect(asked)

    def pending_approval(self) -> RequestApproval | None:
        """The approval that this case waits for, or None. Its number is the revision's."""
        revision = self.draft
        if revision is None or self.is_over or self.draft_stage is not PlanStage.APPROVAL:
            return None
        return RequestApproval(
            number=revision.number,
            matter=ApprovalType.PAYMENT_PLAN,
            amount=revision.schedule.total - revision.schedule.paid_before,
            currency=self.currency,
            requester=revision.by,
            also_asked=self._earlier_authors(revision),
            term_days=max((revision.schedule.last_day - revision.made_on).days, 0),
            broken_plans=self.broken_plans,
            invoice_ids=list(self.covered),
            details={"plan": self.case_id, "revision": revision.number, "asked_by": revision.asked_by.value},
        )

    def _earlier_authors(self, revision: PlanRevision) -> list[str]:
        """Who put forward other terms of this plan asks for these too: a colleague's revision makes nobody free to approve their own."""
        return [one for one in dict.fromkeys(earlier.by for earlier in self.revisions) if one != revision.by]

    def apply_approval_outcome(self, outcome: ApprovalOutcome, at: Moment) -> None:
        """Approved terms are offered, returned ones wait for their author, as do those whose first day passed before they were approved;
        rejected ones are over, and so is a plan without others."""
        if self.draft is None or self.is_over or self.draft_stage is not PlanStage.APPROVAL or outcome.number != self.draft.number:
            return
        overtaken = self.draft.schedule.instalments[0].due_on < at.business.date()
        match outcome.result:
            case ApprovalResult.APPROVED if not overtaken:
                self.draft_stage, self.draft_since = PlanStage.OFFERED, at.business.date()
                self.write_entry(EntryKind.PLAN_OFFERED, at, outcome.by, revision=self.draft.number, until=self.lapses_on().isoformat())
                answer_by = min(self.lapses_on(), self.draft.schedule.instalments[0].due_on)  # later it could not be accepted
                self.offer = self.request_letter("plan_offer", self.draft, at, until=answer_by.isoformat())
            case ApprovalResult.REJECTED:
                self.write_entry(EntryKind.PLAN_REJECTED, at, outcome.by, revision=self.draft.number, reason=outcome.reason)
                self.notify_author("plan_rejected")
                self.drop_draft(PlanStage.REJECTED, "not_approved")
            case ApprovalResult.RETURNED | ApprovalResult.LAPSED | ApprovalResult.APPROVED:
                self.draft_stage, self.draft_since = PlanStage.PROPOSED, at.business.date()
                self.write_entry(
                    EntryKind.PLAN_RETURNED,
                    at,
                    outcome.by,
                    revision=self.draft.number,
                    result=outcome.result.value,
                    reason=outcome.reason,
                    until=self.lapses_on().isoformat(),
                )
                self.notify_author("plan_returned", until=self.lapses_on().isoformat())

    def accept(self, at: Moment) -> None:
        """The terms under negotiation come into force; their instalments are counted afresh."""
        self.withdraw_offer_letter()
        self.agreed, self.draft = self.draft, None
        self.recalled, self.paid, self.missed_on = [], [], {}
        if self.agreed:
            self.request_letter("plan_confirmation", self.agreed, at)
        self.allocate_received(at)

    def decline(self) -> None:
        self.drop_draft(PlanStage.REJECTED, DECLINED)


__all__ = ["ENDED_STAGES", "CoveredInvoice", "PaymentPlanCase", "PlanRevision", "PlanStage"]
