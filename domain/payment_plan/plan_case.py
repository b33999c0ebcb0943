"""A payment plan: proposed, approved by the matrix, offered to the customer, accepted; then kept, or broken.

A plan that runs can be revised: until the new terms are accepted the old ones hold, so that bargaining puts nothing off.
"""

from domain.approval.result import ApprovalNews, ApprovalResult
from domain.case.effects import AskApproval
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.payment_plan.commands import RevisePlan, Side
from domain.payment_plan.instalments import Schedule, Terms
from domain.payment_plan.plan_progress import PlanCourse
from domain.payment_plan.state import DECLINED, ENDS, REVISED, Covered, PlanStage, Revision
from domain.policy.approval_type import Matter


class PaymentPlanCase(PlanCourse):
    """One plan over some invoices of an account, serialisable whole: what is negotiated, on top of what money and time do to it."""

    def open(self, at: Moment) -> None:
        """Proposed: the invoices are held from now on, for nobody chases what is being negotiated."""
        act = self.proposal
        self.sees(act.act_id)
        revision = self._revision(act.terms, act.actor, act.asked_by, act.why, at)
        self.note(
            EntryKind.PLAN_PROPOSED, at, act.actor, act=act.act_id, invoices=" ".join(self.covered), debt=self.debt, note=act.note_id,
            **self.facts_of(revision),
        )  # fmt: skip
        for invoice_id in self.covered:
            self.hold(invoice_id, at)
        self._put_forward(revision, at)

    def revise(self, act: RevisePlan, at: Moment) -> int:
        """New terms take the place of those under negotiation, and need approval anew. The number of the journal's entry."""
        self.take_offer_back()
        self.withdraw_approval(REVISED)
        revision = self._revision(act.terms, act.actor, act.asked_by, act.why, at)
        seq = self.note(EntryKind.PLAN_REVISED, at, act.actor, act=act.act_id, note=act.note_id, **self.facts_of(revision))
        self._put_forward(revision, at)
        return seq

    def _revision(self, terms: Terms, by: str, asked_by: Side, why: str, at: Moment) -> Revision:
        today = at.business.date()
        since, owed, interest_before = today, 0, 0
        if self.agreed:
            since, owed = self.agreed.schedule.interest_state(self.received, today, self.agreed.since)
            interest_before = self.agreed.schedule.interest_paid(self.received)
        schedule = Schedule.of(terms, self.debt, since, self.received, interest_before, owed)
        return Revision(
            number=len(self.revisions) + 1, terms=terms, schedule=schedule, since=since, by=by, asked_by=asked_by, why=why, made_on=today
        )

    def _put_forward(self, revision: Revision, at: Moment) -> None:
        self.revisions.append(revision)
        self.draft, self.draft_stage, self.draft_since = revision, PlanStage.APPROVAL, at.business.date()
        asked = self.needs_approval()
        if asked:
            self.ask_for(asked)

    def needs_approval(self) -> AskApproval | None:
        """The approval that this case waits for, or None. Its number is the revision's."""
        revision = self.draft
        if revision is None or self.over or self.draft_stage is not PlanStage.APPROVAL:
            return None
        return AskApproval(
            number=revision.number, matter=Matter.PAYMENT_PLAN, amount=revision.schedule.total - revision.schedule.paid_before,
            currency=self.currency, requester=revision.by, also_asked=self._earlier_authors(revision),
            term_days=max((revision.schedule.last_day - revision.made_on).days, 0), broken_plans=self.broken_plans,
            invoice_ids=list(self.covered),
            details={"plan": self.case_id, "revision": revision.number, "asked_by": revision.asked_by.value},
        )  # fmt: skip

    def _earlier_authors(self, revision: Revision) -> list[str]:
        """Who put forward other terms of this plan asks for these too: a colleague's revision makes nobody free to approve their own."""
        return [one for one in dict.fromkeys(earlier.by for earlier in self.revisions) if one != revision.by]

    def approval_came(self, news: ApprovalNews, at: Moment) -> None:
        """Approved terms are offered, returned ones wait for their author, as do those whose first day passed before they were approved;
        rejected ones are over, and so is a plan without others."""
        if self.draft is None or self.over or self.draft_stage is not PlanStage.APPROVAL or news.number != self.draft.number:
            return
        overtaken = self.draft.schedule.instalments[0].due_on < at.business.date()
        match news.result:
            case ApprovalResult.APPROVED if not overtaken:
                self.draft_stage, self.draft_since = PlanStage.OFFERED, at.business.date()
                self.note(EntryKind.PLAN_OFFERED, at, news.by, revision=self.draft.number, until=self.lapses_on().isoformat())
                answer_by = min(self.lapses_on(), self.draft.schedule.instalments[0].due_on)  # later it could not be accepted
                self.offer = self.letter("plan_offer", self.draft, at, until=answer_by.isoformat())
            case ApprovalResult.REJECTED:
                self.note(EntryKind.PLAN_REJECTED, at, news.by, revision=self.draft.number, reason=news.reason)
                self.tell_author("plan_rejected")
                self.drop_draft(PlanStage.REJECTED, "not_approved")
            case ApprovalResult.RETURNED | ApprovalResult.LAPSED | ApprovalResult.APPROVED:
                self.draft_stage, self.draft_since = PlanStage.PROPOSED, at.business.date()
                self.note(
                    EntryKind.PLAN_RETURNED, at, news.by, revision=self.draft.number, result=news.result.value, reason=news.reason,
                    until=self.lapses_on().isoformat(),
                )  # fmt: skip
                self.tell_author("plan_returned", until=self.lapses_on().isoformat())

    def accept(self, at: Moment) -> None:
        """The terms under negotiation come into force; their instalments are counted afresh."""
        self.take_offer_back()
        self.agreed, self.draft = self.draft, None
        self.recalled, self.paid, self.missed_on = [], [], {}
        if self.agreed:
            self.letter("plan_confirmation", self.agreed, at)
        self.allocate(at)

    def decline(self) -> None:
        self.drop_draft(PlanStage.REJECTED, DECLINED)


__all__ = ["ENDS", "Covered", "PaymentPlanCase", "PlanStage", "Revision"]
