"""The course of a payment plan: what money and time do to it, and how it ends."""

from datetime import date, datetime, timedelta

from domain.approval.result import WITHDRAWN
from domain.billing.billing_events import InvoiceFacts
from domain.case.effects import ChargeInterest, HastenTimeline, LiftHold, PlaceHold, ReviseApproval, WithdrawApproval
from domain.clock import Moment, start_of_day
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.payment_plan.instalments import Instalment
from domain.payment_plan.letters import PlanLetters
from domain.payment_plan.state import INSOLVENT, NOT_REVISED, OFFER_LAPSED, SETTLED, CoveredInvoice, PlanRevision, PlanStage
from domain.timeline.holds import Hold, HoldKind


class PlanProgress(PlanLetters):
    """Every change leaves its entry in the journal and its effects in the outbox."""

    # --- money

    def apply_invoice_facts(self, invoice_id: str, facts: InvoiceFacts, at: Moment) -> None:
        """What an invoice is owed less than before, by payment, credit or cancellation, the plan received; a rise takes it back."""
        known = self.covered.get(invoice_id)
        if self.is_over or known is None or facts.version <= known.version:
            return
        came = known.open_balance - facts.open_balance
        if not known.open_balance:
            self.hold_invoice(invoice_id, at)
        self.covered[invoice_id] = CoveredInvoice(version=facts.version, open_balance=facts.open_balance)
        if came:
            self._add_received(came, at, invoice=invoice_id)

    def hold_invoice(self, invoice_id: str, at: Moment) -> None:
        """Nobody chases what is being negotiated, or paid as agreed."""
        hold = Hold(hold_id=self.case_id, kind=HoldKind.PAYMENT_PLAN, since=at.business)
        self.add_effect(PlaceHold(invoice_id=invoice_id, hold=hold))

    def apply_interest_payment(self, event_id: str, amount: int, at: Moment) -> None:
        """The account paid interest that this plan charged; a payment that bounced counts negative."""
        if amount and not self.is_over and self.mark_seen(event_id):
            self._add_received(amount, at, invoice=None)

    def _add_received(self, amount: int, at: Moment, invoice: str | None) -> None:
        self.received += amount
        self.write_entry(EntryKind.PLAN_MONEY_COUNTED, at, amount=amount, invoice=invoice, received=self.received)
        if self.agreed:
            self.allocate_received(at)
        elif self.debt <= 0:
            self.cancel(SETTLED, at)
            return
        if self.draft and self.draft_stage is PlanStage.APPROVAL and not self.is_over:
            amount = self.draft.schedule.outstanding_amount(self.received)
            self.add_effect(ReviseApproval(number=self.draft.number, amount=amount, currency=self.currency))

    def allocate_received(self, at: Moment) -> None:
        """Which instalments are paid now. One that a bounced payment leaves open again is due again, with its days of grace."""
        if self.agreed is None:
            return
        unpaid = {one.number for one in self.unpaid_instalments}
        for one in self.agreed.schedule.instalments:
            if one.number in unpaid:
                self.paid = [number for number in self.paid if number != one.number]
            elif one.number not in self.paid:
                self.paid.append(one.number)
                self.withdraw_instalment_letters(one.number)
                late = self.missed_on.pop(one.number, None) is not None or at.business.date() > one.due_on
                self.write_entry(EntryKind.PLAN_INSTALMENT_PAID, at, instalment=one.number, amount=one.amount, late=late)
        if not unpaid:
            self.write_entry(EntryKind.PLAN_COMPLETED, at, total=self.agreed.schedule.total, received=self.received)
            self.request_letter("plan_completed", self.agreed, at)
            self.end(PlanStage.COMPLETED, SETTLED, SETTLED)

    # --- time

    def wakes_at(self) -> datetime | None:
        """The next business time at which something happens by itself."""
        return min((start_of_day(day) for day in self._list_due_days()), default=None)

    def _list_due_days(self) -> list[date]:
        """The days on which something is due, past ones included."""
        if self.is_over:
            return []
        days = [self.lapses_on() + timedelta(1)] if self.draft and self.draft_stage is not PlanStage.APPROVAL else []
        days += [one.due_on for one in self._list_uncharged_instalments()]
        for one in self.unpaid_instalments:
            days += [self._reminder_day(one)] if one.number not in self.recalled else []
            days.append(self._break_day(one) if one.number in self.missed_on else one.due_on + timedelta(1))
        return days

    def run_due_actions(self, at: Moment) -> None:
        """Recall what is soon due, note what was missed, break what grace is over for, let lapse what nobody answered.

        Grace counts from the day on which a missed instalment is noted: an outage shortens it for nobody.
        """
        if self.is_over:
            return
        today = at.business.date()
        for one in self._list_uncharged_instalments():
            if one.due_on <= today:
                self._charge_interest(one)
        for one in self.unpaid_instalments:
            if one.number in self.missed_on and self._break_day(one) <= today:
                self._break_plan(one, at)
                return
            if one.number not in self.missed_on and one.due_on < today:
                self._record_missed_instalment(one, at)
            elif one.number not in self.recalled and self._reminder_day(one) <= today <= one.due_on:
                self._remind_instalment(one, at)
        if self.draft and self.draft_stage is not PlanStage.APPROVAL and self.lapses_on() < today:
            self._lapse_draft(self.draft, at)

    def _reminder_day(self, instalment: Instalment) -> date:
        return instalment.due_on - timedelta(self.rules.remind_days_before)

    def _break_day(self, instalment: Instalment) -> date:
        """The first day after the days of grace."""
        return self.missed_on[instalment.number] + timedelta(self.rules.grace_days)

    def _list_uncharged_instalments(self) -> list[Instalment]:
        """Instalments with interest that billing was not told to charge. What earlier revisions charged is not charged again."""
        if self.agreed is None:
            return []
        schedule = self.agreed.schedule
        return [one for one in schedule.instalments if schedule.cumulative_interest(one.number) > self.interest_charged]

    def _charge_interest(self, instalment: Instalment) -> None:
        if self.agreed is None:
            return
        key = f"{self.case_id}:{self.agreed.number}:{instalment.number}"
        amount = self.agreed.schedule.cumulative_interest(instalment.number) - self.interest_charged
        if amount <= 0:  # an earlier instalment of the same day took it along
            return
        self.interest_charged += amount
        self.add_effect(ChargeInterest(key=key, account_id=self.journal.account_id, amount=amount, currency=self.currency))

    def _remind_instalment(self, instalment: Instalment, at: Moment) -> None:
        self.recalled.append(instalment.number)
        self.write_entry(EntryKind.PLAN_INSTALMENT_RECALLED, at, instalment=instalment.number, due_on=instalment.due_on.isoformat())
        self.request_instalment_letter("plan_instalment_due", instalment, at)

    def _record_missed_instalment(self, instalment: Instalment, at: Moment) -> None:
        self.missed_on[instalment.number] = at.business.date()
        self.recalled += [instalment.number] if instalment.number not in self.recalled else []
        last_day = self._break_day(instalment) - timedelta(1)
        self.write_entry(
            EntryKind.PLAN_INSTALMENT_MISSED,
            at,
            instalment=instalment.number,
            due_on=instalment.due_on.isoformat(),
            grace_until=last_day.isoformat(),
        )
        self.request_instalment_letter("plan_missed", instalment, at, until=last_day.isoformat())

    def _break_plan(self, instalment: Instalment, at: Moment) -> None:
        self.write_entry(
            EntryKind.PLAN_BROKEN, at, instalment=instalment.number, due_on=instalment.due_on.isoformat(), received=self.received
        )
        self.request_instalment_letter("plan_broken", instalment, at)
        for invoice_id, invoice in self.covered.items():
            if invoice.open_balance > 0:
                self.add_effect(HastenTimeline(invoice_id=invoice_id, case_id=self.case_id))
        self.end(PlanStage.BROKEN, f"instalment_{instalment.number}", WITHDRAWN)

    def _lapse_draft(self, draft: PlanRevision, at: Moment) -> None:
        why = OFFER_LAPSED if self.draft_stage is PlanStage.OFFERED else NOT_REVISED
        self.write_entry(EntryKind.PLAN_LAPSED, at, revision=draft.number, reason=why)
        self.notify_author("plan_lapsed", because=why)
        self.drop_draft(PlanStage.CANCELLED, why)

    # --- its end

    def cancel(self, why: str, at: Moment, actor: str = SYSTEM, act: str | None = None) -> int:
        """The plan ends without reproach; the invoices' timelines go on where they stopped."""
        seq = self.write_entry(EntryKind.PLAN_CANCELLED, at, actor, act=act, reason=why, received=self.received)
        if self.agreed and why != INSOLVENT:
            self.request_letter("plan_cancelled", self.agreed, at)
        self.end(PlanStage.CANCELLED, why, SETTLED if why == SETTLED else WITHDRAWN)
        return seq

    def drop_draft(self, end: PlanStage, why: str) -> None:
        """Terms that came to nothing: those in force go on, and without any the plan is over."""
        self.draft = None
        self.withdraw_offer_letter()
        if self.agreed is None:
            self.end(end, why, WITHDRAWN)

    def withdraw_approval(self, reason: str) -> None:
        if self.draft and self.draft_stage is PlanStage.APPROVAL:
            self.add_effect(WithdrawApproval(number=self.draft.number, reason=reason))

    def end(self, end: PlanStage, why: str, approval_lapses: str) -> None:
        """Every end is the last: it takes back an open approval and lifts the holds."""
        self.withdraw_approval(approval_lapses)
        self.withdraw_offer_letter()
        self.draft, self.ending, self.reason = None, end, why
        for invoice_id in self.covered:
            self.add_effect(LiftHold(invoice_id=invoice_id, hold_id=self.case_id))
