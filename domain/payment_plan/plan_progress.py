"""The course of a payment plan: what money and time do to it, and how it ends."""

from datetime import date, datetime, timedelta

from domain.approval.result import WITHDRAWN
from domain.billing.billing_events import InvoiceFacts
from domain.case.effects import ChargeInterest, LiftHold, PlaceHold, ResumeHarsher, ReviseApproval, WithdrawApproval
from domain.clock import Moment, start_of_day
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.payment_plan.instalments import Instalment
from domain.payment_plan.letters import PlanLetters
from domain.payment_plan.state import INSOLVENT, NOT_REVISED, OFFER_LAPSED, SETTLED, Covered, PlanStage, Revision
from domain.timeline.holds import Hold, HoldKind


class PlanCourse(PlanLetters):
    """Every change leaves its entry in the journal and its effects in the outbox."""

    # --- money

    def hear_facts(self, invoice_id: str, facts: InvoiceFacts, at: Moment) -> None:
        """What an invoice is owed less than before, by payment, credit or cancellation, the plan received; a rise takes it back."""
        known = self.covered.get(invoice_id)
        if self.over or known is None or facts.version <= known.version:
            return
        came = known.open_balance - facts.open_balance
        if not known.open_balance:
            self.hold(invoice_id, at)
        self.covered[invoice_id] = Covered(version=facts.version, open_balance=facts.open_balance)
        if came:
            self._count(came, at, invoice=invoice_id)

    def hold(self, invoice_id: str, at: Moment) -> None:
        """Nobody chases what is being negotiated, or paid as agreed."""
        hold = Hold(hold_id=self.case_id, kind=HoldKind.PAYMENT_PLAN, since=at.business)
        self.ask_for(PlaceHold(invoice_id=invoice_id, hold=hold))

    def interest_came(self, event_id: str, amount: int, at: Moment) -> None:
        """The account paid interest that this plan charged; a payment that bounced counts negative."""
        if amount and not self.over and self.sees(event_id):
            self._count(amount, at, invoice=None)

    def _count(self, amount: int, at: Moment, invoice: str | None) -> None:
        self.received += amount
        self.note(EntryKind.PLAN_MONEY_COUNTED, at, amount=amount, invoice=invoice, received=self.received)
        if self.agreed:
            self.allocate(at)
        elif self.debt <= 0:
            self.cancel(SETTLED, at)
            return
        if self.draft and self.draft_stage is PlanStage.APPROVAL and not self.over:
            amount = self.draft.schedule.outstanding(self.received)
            self.ask_for(ReviseApproval(number=self.draft.number, amount=amount, currency=self.currency))

    def allocate(self, at: Moment) -> None:
        """Which instalments are paid now. One that a bounced payment leaves open again is due again, with its days of grace."""
        if self.agreed is None:
            return
        unpaid = {one.number for one in self.unpaid}
        for one in self.agreed.schedule.instalments:
            if one.number in unpaid:
                self.paid = [number for number in self.paid if number != one.number]
            elif one.number not in self.paid:
                self.paid.append(one.number)
                self.take_back_what_is_about(one.number)
                late = self.missed_on.pop(one.number, None) is not None or at.business.date() > one.due_on
                self.note(EntryKind.PLAN_INSTALMENT_PAID, at, instalment=one.number, amount=one.amount, late=late)
        if not unpaid:
            self.note(EntryKind.PLAN_COMPLETED, at, total=self.agreed.schedule.total, received=self.received)
            self.letter("plan_completed", self.agreed, at)
            self.end(PlanStage.COMPLETED, SETTLED, SETTLED)

    # --- time

    def wakes_at(self) -> datetime | None:
        """The next business time at which something happens by itself."""
        return min((start_of_day(day) for day in self._days()), default=None)

    def _days(self) -> list[date]:
        """The days on which something is due, past ones included."""
        if self.over:
            return []
        days = [self.lapses_on() + timedelta(1)] if self.draft and self.draft_stage is not PlanStage.APPROVAL else []
        days += [one.due_on for one in self._interest_due()]
        for one in self.unpaid:
            days += [self._recall_on(one)] if one.number not in self.recalled else []
            days.append(self._broken_on(one) if one.number in self.missed_on else one.due_on + timedelta(1))
        return days

    def let_time_pass(self, at: Moment) -> None:
        """Recall what is soon due, note what was missed, break what grace is over for, let lapse what nobody answered.

        Grace counts from the day on which a missed instalment is noted: an outage shortens it for nobody.
        """
        if self.over:
            return
        today = at.business.date()
        for one in self._interest_due():
            if one.due_on <= today:
                self._charge(one)
        for one in self.unpaid:
            if one.number in self.missed_on and self._broken_on(one) <= today:
                self._break(one, at)
                return
            if one.number not in self.missed_on and one.due_on < today:
                self._miss(one, at)
            elif one.number not in self.recalled and self._recall_on(one) <= today <= one.due_on:
                self._recall(one, at)
        if self.draft and self.draft_stage is not PlanStage.APPROVAL and self.lapses_on() < today:
            self._lapse(self.draft, at)

    def _recall_on(self, one: Instalment) -> date:
        return one.due_on - timedelta(self.rules.remind_days_before)

    def _broken_on(self, one: Instalment) -> date:
        """The first day after the days of grace."""
        return self.missed_on[one.number] + timedelta(self.rules.grace_days)

    def _interest_due(self) -> list[Instalment]:
        """Instalments with interest that billing was not told to charge. What earlier revisions charged is not charged again."""
        if self.agreed is None:
            return []
        schedule = self.agreed.schedule
        return [one for one in schedule.instalments if schedule.interest_up_to(one.number) > self.interest_charged]

    def _charge(self, one: Instalment) -> None:
        if self.agreed is None:
            return
        key = f"{self.case_id}:{self.agreed.number}:{one.number}"
        amount = self.agreed.schedule.interest_up_to(one.number) - self.interest_charged
        if amount <= 0:  # an earlier instalment of the same day took it along
            return
        self.interest_charged += amount
        self.ask_for(ChargeInterest(key=key, account_id=self.journal.account_id, amount=amount, currency=self.currency))

    def _recall(self, one: Instalment, at: Moment) -> None:
        self.recalled.append(one.number)
        self.note(EntryKind.PLAN_INSTALMENT_RECALLED, at, instalment=one.number, due_on=one.due_on.isoformat())
        self.letter_about("plan_instalment_due", one, at)

    def _miss(self, one: Instalment, at: Moment) -> None:
        self.missed_on[one.number] = at.business.date()
        self.recalled += [one.number] if one.number not in self.recalled else []
        last_day = self._broken_on(one) - timedelta(1)
        self.note(
            EntryKind.PLAN_INSTALMENT_MISSED, at, instalment=one.number, due_on=one.due_on.isoformat(), grace_until=last_day.isoformat()
        )
        self.letter_about("plan_missed", one, at, until=last_day.isoformat())

    def _break(self, one: Instalment, at: Moment) -> None:
        self.note(EntryKind.PLAN_BROKEN, at, instalment=one.number, due_on=one.due_on.isoformat(), received=self.received)
        self.letter_about("plan_broken", one, at)
        for invoice_id, invoice in self.covered.items():
            if invoice.open_balance > 0:
                self.ask_for(ResumeHarsher(invoice_id=invoice_id, case_id=self.case_id))
        self.end(PlanStage.BROKEN, f"instalment_{one.number}", WITHDRAWN)

    def _lapse(self, draft: Revision, at: Moment) -> None:
        why = OFFER_LAPSED if self.draft_stage is PlanStage.OFFERED else NOT_REVISED
        self.note(EntryKind.PLAN_LAPSED, at, revision=draft.number, reason=why)
        self.tell_author("plan_lapsed", because=why)
        self.drop_draft(PlanStage.CANCELLED, why)

    # --- its end

    def cancel(self, why: str, at: Moment, actor: str = SYSTEM, act: str | None = None) -> int:
        """The plan ends without reproach; the invoices' timelines go on where they stopped."""
        seq = self.note(EntryKind.PLAN_CANCELLED, at, actor, act=act, reason=why, received=self.received)
        if self.agreed and why != INSOLVENT:
            self.letter("plan_cancelled", self.agreed, at)
        self.end(PlanStage.CANCELLED, why, SETTLED if why == SETTLED else WITHDRAWN)
        return seq

    def drop_draft(self, end: PlanStage, why: str) -> None:
        """Terms that came to nothing: those in force go on, and without any the plan is over."""
        self.draft = None
        self.take_offer_back()
        if self.agreed is None:
            self.end(end, why, WITHDRAWN)

    def withdraw_approval(self, reason: str) -> None:
        if self.draft and self.draft_stage is PlanStage.APPROVAL:
            self.ask_for(WithdrawApproval(number=self.draft.number, reason=reason))

    def end(self, end: PlanStage, why: str, approval_lapses: str) -> None:
        """Every end is the last: it takes back an open approval and lifts the holds."""
        self.withdraw_approval(approval_lapses)
        self.take_offer_back()
        self.draft, self.ending, self.reason = None, end, why
        for invoice_id in self.covered:
            self.ask_for(LiftHold(invoice_id=invoice_id, hold_id=self.case_id))
