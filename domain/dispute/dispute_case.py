"""A dispute: a customer contests an invoice, a department answers in time or is escalated, and the answer is carried out.

While all that is left to chase is in dispute, the invoice is on hold; an undisputed rest goes on being collected.
"""

from datetime import date, datetime, timedelta

from pydantic import Field

from domain.approval.result import SETTLED, WITHDRAWN, ApprovalOutcome, ApprovalResult
from domain.billing.billing_events import InvoiceFacts
from domain.case.account_case import AccountCase
from domain.case.asked_invoice import AskedInvoice
from domain.case.effects import (
    ChangeInvoice,
    IssueCreditNote,
    LiftHold,
    MarkDisputed,
    NotifyPerson,
    NotifyRole,
    PlaceHold,
    RequestApproval,
    ReviseApproval,
    SendLetter,
    WithdrawApproval,
)
from domain.clock import Moment, start_of_day
from domain.dispute.commands import DisputeSource, RaiseDispute, ResolveDispute
from domain.dispute.state import DisputeStage
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.policy.approval_type import ApprovalType
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.dispute_rules import DisputeResolution, DisputeRules
from domain.roles import Role
from domain.timeline.holds import Hold, HoldKind


class DisputeCase(AccountCase):
    """One dispute of one invoice: raised, answered or escalated, approved where it costs money, booked, over.

    `facts` are the invoice's as billing last reported them; days are business dates."""

    facts: InvoiceFacts
    snapshot: PolicySnapshot
    raised: RaiseDispute
    raised_on: date = date.min
    stage: DisputeStage = DisputeStage.OPEN
    department: Role = Role.BILLING_OPS
    assignee: str | None = None
    deadline: date = date.max
    reminded: list[int] = Field(default_factory=list)
    escalations: int = 0
    answer: ResolveDispute | None = None
    approvals: int = 0
    bookings: int = 0
    held: bool = False
    resolution: DisputeResolution | None = None
    evidence: list[str] = Field(default_factory=list)

    @property
    def rules(self) -> DisputeRules:
        return self.snapshot.load_policy().dispute

    @property
    def case_id(self) -> str:
        return self.journal.case_id

    @property
    def invoice_id(self) -> str:
        return self.journal.invoice_id or ""

    @property
    def is_closed(self) -> bool:
        return self.stage is DisputeStage.CLOSED

    @property
    def contested_amount(self) -> int:
        """The disputed amount, as far as it is still owed (minor units)."""
        return min(self.raised.amount, self.facts.open_balance)

    @property
    def escalated_to(self) -> Role | None:
        """The role that was told at the last missed deadline."""
        return self._find_escalation_role(self.escalations - 1) if self.escalations else None

    @property
    def notified_roles(self) -> list[Role]:
        """The roles to which it was escalated: they may act in the department's stead."""
        return [self._find_escalation_role(index) for index in range(self.escalations)]

    def _find_escalation_role(self, index: int) -> Role:
        roles = self.rules.escalate_to[self.department]
        return roles[min(index, len(roles) - 1)]

    def _credited_amount(self) -> int:
        """What the answer takes off the debt. A correction downwards costs what a credit note would: it is no way around the matrix."""
        match self.answer:
            case ResolveDispute(resolution=DisputeResolution.CREDIT_NOTE, amount=int(amount)):
                return amount
            case ResolveDispute(resolution=DisputeResolution.CORRECTED_INVOICE, amount=int(total)):
                return max(self.facts.total - total, 0)
        return 0

    def _notify_department(self, template: str) -> None:
        """The person it is assigned to, else everybody of the department."""
        if self.assignee:
            self.add_effect(NotifyPerson(user=self.assignee, template=template, details=self._build_message_details()))
        else:
            self.add_effect(NotifyRole(role=self.department, template=template, details=self._build_message_details()))

    def _send_letter(self, template: str, at: Moment) -> None:
        key = f"{self.case_id}:{template}"
        invoices = [self.invoice_id]
        self.add_effect(
            SendLetter(template=template, on=at.business.date(), key=key, invoice_ids=invoices, details=self._build_message_details())
        )

    def _build_message_details(self, **more: FactValue) -> dict[str, FactValue]:
        """What a letter or a message says of this case. Amounts in minor units of `currency`; `rest` is the undisputed part, if any."""
        about: dict[str, FactValue] = {
            "case": self.case_id,
            "invoice": self.invoice_id,
            "reason": self.raised.reason.value,
            "amount": self.raised.amount,
            "currency": self.facts.currency,
            "open_balance": self.facts.open_balance,
            "deadline": self.deadline.isoformat(),
            "credited": self._credited_amount(),
            "rest": max(self.facts.open_balance - self.raised.amount, 0) or None,
            "reference": self.answer.reference if self.answer else "",
        }
        return about | more

    # --- its life

    def open(self, at: Moment) -> None:
        self.seen.append(self.raised.act_id)
        self.raised_on = at.business.date()
        self.evidence = list(self.raised.evidence)
        self.department = self.rules.department[self.raised.reason]
        self.write_entry(
            EntryKind.DISPUTE_RAISED,
            at,
            self.raised.actor,
            act=self.raised.act_id,
            reason=self.raised.reason.value,
            amount=self.raised.amount,
            currency=self.facts.currency,
            open_balance=self.facts.open_balance,
            source=self.raised.source.value,
            department=self.department.value,
            evidence=len(self.evidence),
            note=self.raised.note_id,
        )
        self._start_deadline(at)
        self._notify_department("dispute_raised")
        self._update_invoice(at)
        if self.raised.source is not DisputeSource.FILE:
            self._send_letter("dispute_received", at)

    def apply_invoice_facts(self, facts: InvoiceFacts, at: Moment) -> None:
        """The invoice changed in billing: what is contested, and whether the rest can be chased, may have changed with it."""
        if self.is_closed or facts.version <= self.facts.version:
            return
        self.facts = facts
        if facts.is_settled and self.stage is not DisputeStage.BOOKING:
            self._close_dispute(DisputeResolution.SETTLED, at)
        elif self.stage is DisputeStage.APPROVAL and self._credited_amount() > self.contested_amount:
            self._withdraw_approval(SETTLED)
            self._return_to_department(at, ApprovalResult.LAPSED, "amount_shrank")
        else:
            self._revise_approval()
        if not self.is_closed:
            self._update_invoice(at)

    def run_due_actions(self, at: Moment) -> None:
        """Remind the department, and escalate a missed deadline: after an outage each once, however many days were passed by."""
        if self.stage is not DisputeStage.OPEN:
            return
        today = at.business.date()
        if today > self.deadline:
            self._escalate_missed_deadline(at)
            return
        due = [days for days in self.rules.remind_days_before if days not in self.reminded and self.deadline - timedelta(days) <= today]
        if due:
            self.reminded += due
            self.write_entry(EntryKind.DISPUTE_REMINDED, at, department=self.department.value, deadline=self.deadline.isoformat())
            self._notify_department("dispute_reminder")

    def wakes_at(self) -> datetime | None:
        """The next business time at which something happens by itself."""
        if self.stage is not DisputeStage.OPEN:
            return None
        days = [self.deadline - timedelta(days) for days in self.rules.remind_days_before if days not in self.reminded]
        return start_of_day(min([*days, self.deadline + timedelta(1)]))

    # --- the answer, and the word of the matrix

    def assign_department(self, department: Role, assignee: str | None, at: Moment) -> None:
        """Another department's time starts anew."""
        moved = department is not self.department
        self.department, self.assignee = department, assignee
        if moved:
            self._start_deadline(at)
        self._notify_department("dispute_assigned")

    def apply_answer(self, answer: ResolveDispute, at: Moment) -> None:
        """What costs money waits for the matrix; what billing must change, for billing; all else ends the dispute."""
        if answer.resolution is DisputeResolution.WITHDRAWN:
            self._withdraw_approval(WITHDRAWN)
            self.stage = DisputeStage.OPEN
        self.answer = answer
        corrects = (
            answer.resolution is DisputeResolution.CORRECTED_INVOICE and answer.amount is not None and answer.amount != self.facts.total
        )
        if self._credited_amount() > 0:
            self._request_approval()
        elif corrects:
            self._order_booking()
        else:
            self._close_dispute(answer.resolution, at, answer.actor)

    def pending_approval(self) -> RequestApproval | None:
        """The approval that this case waits for, or None."""
        if self.stage is not DisputeStage.APPROVAL or self.answer is None:
            return None
        return RequestApproval(
            number=self.approvals,
            matter=ApprovalType.CREDIT_NOTE,
            amount=self._credited_amount(),
            currency=self.facts.currency,
            requester=self.answer.actor,
            invoice_ids=[self.invoice_id],
            details={"dispute": self.case_id, "reason": self.raised.reason.value, "resolution": self.answer.resolution.value},
            invoices=[self._build_asked_invoice()],
            note_id=self.answer.note_id,
        )

    def _build_asked_invoice(self) -> AskedInvoice:
        return AskedInvoice(
            invoice_id=self.invoice_id,
            currency=self.facts.currency,
            open_balance=self.facts.open_balance,
            disputed=self.contested_amount,
            amount=self._credited_amount(),
        )

    def _revise_approval(self) -> None:
        """What the approval says of the invoice is another by now; what is asked for is the same."""
        approval = self.pending_approval()
        if approval and self.binds_facts:
            fields = approval.model_dump(include={"number", "amount", "currency", "note_id"})
            self.add_revision(ReviseApproval(**fields, invoices=approval.invoices))

    def _request_approval(self) -> None:
        self.stage, self.approvals = DisputeStage.APPROVAL, self.approvals + 1
        approval = self.pending_approval()
        if approval:
            self.add_effect(approval)

    def _withdraw_approval(self, reason: str) -> None:
        if self.stage is DisputeStage.APPROVAL:
            self.add_effect(WithdrawApproval(number=self.approvals, reason=reason))

    def apply_approval_outcome(self, outcome: ApprovalOutcome, at: Moment) -> None:
        """Only approval books; all else gives the dispute back to its department."""
        if self.stage is not DisputeStage.APPROVAL or outcome.number != self.approvals:
            return
        if outcome.result is ApprovalResult.APPROVED:
            self._order_booking()
        else:
            self._return_to_department(at, outcome.result, outcome.reason, outcome.by)

    # --- what billing does with it

    @property
    def booking_key(self) -> str:
        """Makes the booking once, and names it in the answer."""
        return f"{self.case_id}:{self.bookings}"

    def _order_booking(self) -> None:
        self.stage, self.bookings = DisputeStage.BOOKING, self.bookings + 1
        match self.answer:
            case ResolveDispute(resolution=DisputeResolution.CREDIT_NOTE, amount=int(amount)):
                self.add_effect(
                    IssueCreditNote(key=self.booking_key, invoice_id=self.invoice_id, amount=amount, currency=self.facts.currency)
                )
            case ResolveDispute(amount=int(total)):
                self.add_effect(ChangeInvoice(key=self.booking_key, invoice_id=self.invoice_id, total=total, currency=self.facts.currency))

    def confirm_booking(self, key: str, at: Moment) -> None:
        """Billing has it. Only now is the hold lifted, lest a letter ask for what was just credited."""
        if self.stage is DisputeStage.BOOKING and key == self.booking_key and self.answer:
            self._close_dispute(self.answer.resolution, at, self.answer.actor)

    def reject_booking(self, key: str, reason: str, at: Moment) -> None:
        """Billing cannot do it, such as for an invoice that was paid meanwhile: the department must think again."""
        if self.stage is not DisputeStage.BOOKING or key != self.booking_key:
            return
        self.write_entry(EntryKind.DISPUTE_BOOKING_REFUSED, at, reason=reason)
        if self.facts.is_settled:
            self._close_dispute(DisputeResolution.SETTLED, at)
        else:
            self._return_to_department(at, ApprovalResult.LAPSED, "booking_refused")

    def _return_to_department(self, at: Moment, result: ApprovalResult, reason: str, by: str = SYSTEM) -> None:
        answer, self.answer, self.stage = self.answer, None, DisputeStage.OPEN
        self.write_entry(EntryKind.DISPUTE_RETURNED, at, by, result=result.value, reason=reason)
        self._start_deadline(at)
        if answer:
            self.add_effect(
                NotifyPerson(
                    user=answer.actor, template="dispute_returned", details=self._build_message_details(result=result.value, reason=reason)
                )
            )

    # --- deadlines

    def _start_deadline(self, at: Moment) -> None:
        """The owner's time starts: it is theirs in full, whatever was used up before."""
        self.deadline = at.business.date() + timedelta(self.rules.days[self.raised.reason])
        self.reminded, self.escalations = [], 0

    def _escalate_missed_deadline(self, at: Moment) -> None:
        missed, self.escalations = self.deadline, self.escalations + 1
        role = self._find_escalation_role(self.escalations - 1)
        self.deadline = at.business.date() + timedelta(self.rules.days_after_escalation)
        self.reminded = [days for days in self.rules.remind_days_before if days >= self.rules.days_after_escalation]
        self.write_entry(
            EntryKind.DISPUTE_ESCALATED,
            at,
            department=self.department.value,
            role=role.value,
            missed=missed.isoformat(),
            deadline=self.deadline.isoformat(),
            times=self.escalations,
        )
        self.add_effect(NotifyRole(role=role, template="dispute_escalated", details=self._build_message_details()))

    # --- the invoice, and the people

    def _update_invoice(self, at: Moment) -> None:
        """The invoice is on hold while its undisputed rest is nothing, or too little to chase."""
        rest = self.facts.open_balance - self.contested_amount
        is_negligible = not self.is_closed and rest < self.snapshot.load_policy().minimum_open_balance(self.facts.currency)
        if is_negligible and not self.held:
            hold = Hold(hold_id=self.case_id, kind=HoldKind.DISPUTE, since=at.business, reason=self.raised.reason.value)
            self.add_effect(PlaceHold(invoice_id=self.invoice_id, hold=hold))
        if self.held and not is_negligible:
            self.add_effect(LiftHold(invoice_id=self.invoice_id, hold_id=self.case_id))
        self.held = is_negligible
        contested = 0 if self.is_closed else self.contested_amount
        self.add_effect(MarkDisputed(invoice_id=self.invoice_id, case_id=self.case_id, amount=contested, resolution=self.resolution))

    def _close_dispute(self, resolution: DisputeResolution, at: Moment, actor: str = SYSTEM) -> None:
        self._withdraw_approval(SETTLED)
        self.stage, self.resolution = DisputeStage.CLOSED, resolution
        answer = self.answer
        self.write_entry(
            EntryKind.DISPUTE_RESOLVED,
            at,
            actor,
            resolution=resolution.value,
            amount=answer.amount if answer else None,
            days=(at.business.date() - self.raised_on).days,
        )
        if resolution is DisputeResolution.ALREADY_PAID and answer:
            self._place_payment_hold(answer, at)
        self._update_invoice(at)
        if resolution is not DisputeResolution.SETTLED and not self._is_withdrawn_by_file:
            self._send_letter("dispute_" + resolution.value, at)
        if self.raised.actor == SYSTEM:
            return
        self.add_effect(
            NotifyPerson(
                user=self.raised.actor, template="dispute_resolved", details=self._build_message_details(resolution=resolution.value)
            )
        )

    @property
    def _is_withdrawn_by_file(self) -> bool:
        """The flag that raised it is gone. The customer has written nothing, so no letter says that it has."""
        answer = self.answer
        return answer is not None and answer.resolution is DisputeResolution.WITHDRAWN and answer.actor == SYSTEM

    def _place_payment_hold(self, answer: ResolveDispute, at: Moment) -> None:
        until = start_of_day(at.business.date() + timedelta(self.rules.days_to_book_payment))
        if until <= at.business:
            return
        hold = Hold(hold_id=f"{self.case_id}:payment", kind=HoldKind.DISPUTE, since=at.business, until=until, reason="payment_being_booked")
        self.add_effect(PlaceHold(invoice_id=self.invoice_id, hold=hold))
        self.add_effect(
            NotifyRole(
                role=Role.BILLING_OPS, template="dispute_payment_found", details=self._build_message_details(reference=answer.reference)
            )
        )
