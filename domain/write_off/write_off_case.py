"""What becomes of an account that was handed over: the write-off team's decision, the word it needs, the booking, and what comes back."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.approval.result import OUTGROWN, REVISED, SETTLED, ApprovalOutcome, ApprovalResult
from domain.billing.billing_events import WriteOffRecovery
from domain.billing.receivables import Receivable, find_largest_amount, list_other_amounts, sum_undisputed_by_currency
from domain.case.account_case import AccountCase
from domain.case.asked_invoice import AskedInvoice
from domain.case.effects import (
    BookWriteOff,
    LiftHold,
    MakeDossier,
    NotifyInvoice,
    NotifyRole,
    NotifySuspension,
    PlaceHold,
    ReinstateInBilling,
    RequestApproval,
    ReviseApproval,
    WithdrawApproval,
)
from domain.case.handler_names import SignalName
from domain.clock import Moment
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.money import Currency
from domain.policy.approval_type import ApprovalType
from domain.roles import Role
from domain.timeline.holds import Hold, HoldKind
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision

APPROVAL_SEQUENCE = "approval"


class WriteOffStage(StrEnum):
    """`decided`: nothing more is done here, but what comes back is still recorded."""

    DECIDING = "deciding"
    APPROVAL = "approval"
    BOOKING = "booking"
    DECIDED = "decided"
    ENDED = "ended"


class BookedWriteOff(BaseModel):
    """What was written off an invoice, in minor units of its currency, and what was paid on it afterwards."""

    model_config = ConfigDict(frozen=True)

    amount: int
    currency: Currency
    recovered: int = 0


class WriteOffCase(AccountCase):
    """Every sum is that of the moment: payments that come before the booking make it smaller, never larger than what is open."""

    stage: WriteOffStage = WriteOffStage.DECIDING
    claims: dict[str, Receivable] = Field(default_factory=dict)
    proposal: ProposeWriteOff | None = None
    approval_open: bool = False
    to_book: dict[str, int] = Field(default_factory=dict)
    booked: dict[str, BookedWriteOff] = Field(default_factory=dict)
    early: list[WriteOffRecovery] = Field(default_factory=list)
    ending: str | None = None
    late: list[Receivable] = Field(default_factory=list)
    reinstated: bool = False

    @property
    def hold_id(self) -> str:
        return f"write_off:{self.journal.account_id}"

    @property
    def is_ended(self) -> bool:
        return self.stage is WriteOffStage.ENDED

    @property
    def decision(self) -> WriteOffDecision | None:
        """The one that was carried out."""
        return self.proposal.decision if self.proposal and self.stage in (WriteOffStage.DECIDED, WriteOffStage.ENDED) else None

    @property
    def is_placed_externally(self) -> bool:
        """An agency or a court has the account; the team may think again."""
        return self.stage is WriteOffStage.DECIDED and self.decision in (WriteOffDecision.AGENCY, WriteOffDecision.LEGAL)

    @property
    def waiting_for(self) -> str:
        words = {WriteOffStage.DECIDING: "decision", WriteOffStage.APPROVAL: "approval", WriteOffStage.BOOKING: "billing"}
        return words.get(self.stage, "nothing" if self.is_ended else "payment")

    # --- what machines report

    def apply_hand_over(self, receivables: list[Receivable], at: Moment) -> None:
        """The account comes to the team, with its dossier. Invoices that come later join, and what is owed is decided anew with them."""
        fresh = [claim for claim in receivables if claim.invoice_id not in self.claims and claim.open_balance > 0 and not claim.settled]
        if self.is_ended:
            self.late += receivables
            return
        if not fresh:
            return
        if self.stage is WriteOffStage.DECIDED:
            self._reset_decision()
        before = self._current_amounts()
        self.claims |= {claim.invoice_id: claim for claim in fresh}
        self.write_entry(EntryKind.WRITE_OFF_HANDED_OVER, at, invoices=len(fresh))
        for claim in fresh:
            self._place_hold(claim.invoice_id, at)
        self.add_effect(MakeDossier(account_id=self.journal.account_id, purpose="write_off"))
        self._notify_team("write_off_handed_over")
        if self.approval_open and self._current_amounts() != before:
            self._renew_approval_request(fresh[0].invoice_id, at)

    def update_receivable(self, receivable: Receivable, at: Moment) -> None:
        """An invoice's facts. What is settled before the booking needs no decision any more."""
        known = self.claims.get(receivable.invoice_id)
        if known is None or receivable.version < known.version:
            return
        before, self.claims[receivable.invoice_id] = self._current_amounts(), receivable
        if known.settled and not receivable.settled and not self.is_ended:
            self._place_hold(receivable.invoice_id, at)
        undecided = self.stage in (WriteOffStage.DECIDING, WriteOffStage.APPROVAL) or self.is_placed_externally
        if undecided and all(claim.settled or claim.open_balance <= 0 for claim in self.claims.values()):
            self._withdraw_approval_request(SETTLED)
            self.end(at, "settled")
        elif self.approval_open and self._current_amounts() != before:
            self._renew_approval_request(receivable.invoice_id, at)

    def apply_recovery(self, recovery: WriteOffRecovery, at: Moment) -> None:
        """Money that came on an invoice after it was written off counts once; a payment that bounced is taken back. It may be heard of
        before the booking is."""
        if recovery.invoice_id in self.to_book:
            self.early.append(recovery)
            return
        known = self.booked.get(recovery.invoice_id)
        if known is None or not self.mark_seen(recovery.event_id):
            return
        self.booked[recovery.invoice_id] = known.model_copy(update={"recovered": known.recovered + recovery.amount})
        self.write_entry(
            EntryKind.WRITE_OFF_RECOVERED,
            at,
            invoice=recovery.invoice_id,
            amount=recovery.amount,
            currency=known.currency,
            payment=recovery.payment_id,
        )
        self.add_effect(NotifyInvoice(invoice_id=recovery.invoice_id, what=EntryKind.WRITE_OFF_RECOVERED.value))
        self._reinstate_if_paid(at)

    def apply_approval_outcome(self, outcome: ApprovalOutcome, at: Moment) -> None:
        if not self.approval_open or outcome.number != self.last_number(APPROVAL_SEQUENCE):
            return
        self.approval_open = False
        self.write_entry(
            EntryKind.WRITE_OFF_APPROVAL_ANSWERED,
            at,
            outcome.by,
            approval=outcome.number,
            result=outcome.result.value,
            reason=outcome.reason,
        )
        if outcome.result is ApprovalResult.APPROVED:
            self._execute_decision(at, outcome.invoices)
            return
        if outcome.result is ApprovalResult.LAPSED and outcome.reason == OUTGROWN and self.binds_facts:
            self._request_approval(at)
            return
        self._reset_decision()
        self._notify_team(f"write_off_{outcome.result.value}")

    def apply_booking(self, invoice_id: str, amount: int, at: Moment) -> None:
        """Billing says how much it really wrote off, which is never more than what was open. It tells the invoice itself."""
        if self.to_book.pop(invoice_id, None) is None:
            return
        known = self.claims[invoice_id]
        self.claims[invoice_id] = known.model_copy(update={"open_balance": max(known.open_balance - amount, 0)})
        if amount > 0:
            booked = self.booked.get(invoice_id) or BookedWriteOff(amount=0, currency=known.currency)
            self.booked[invoice_id] = booked.model_copy(update={"amount": booked.amount + amount})
            self.write_entry(EntryKind.WRITE_OFF_BOOKED, at, invoice=invoice_id, amount=amount, currency=known.currency)
        waiting, self.early = self.early, []
        for came in waiting:
            self.apply_recovery(came, at)
        if not self.to_book:
            self._complete_decision(at)

    # --- going on

    def proposed_amounts(self, proposal: ProposeWriteOff) -> dict[str, int]:
        """What the decision is about, of each invoice, in minor units: never more than its open balance."""
        most = self._open_amounts()
        named = proposal.amounts if proposal.decision is WriteOffDecision.PART else most
        return {name: min(amount, most[name]) for name, amount in named.items() if name in most}

    def propose(self, command: ProposeWriteOff, at: Moment) -> int:
        self.proposal = command
        sums = self.proposed_amounts(command)
        seq = self.write_entry(
            EntryKind.WRITE_OFF_PROPOSED, at, command.actor, act=command.act_id, decision=command.decision.value, invoices=len(sums)
        )
        self._request_approval(at)
        return seq

    def _request_approval(self, at: Moment) -> None:
        assert self.proposal is not None
        sums = self._current_amounts()
        amounts = self._sum_current_amounts()
        if not amounts:
            self._reset_decision()
            self._notify_team("write_off_lapsed")
            return
        self.stage, self.approval_open = WriteOffStage.APPROVAL, True
        number, (amount, currency) = self.next_number(APPROVAL_SEQUENCE), find_largest_amount(amounts)
        self.write_entry(EntryKind.WRITE_OFF_APPROVAL_ASKED, at, self.proposal.actor, approval=number, amount=amount, currency=currency)
        details: dict[str, FactValue] = {"decision": self.proposal.decision.value}
        self.add_effect(
            RequestApproval(
                number=number,
                matter=ApprovalType.WRITE_OFF,
                amount=amount,
                currency=currency,
                other_amounts=list_other_amounts(amounts),
                requester=self.proposal.actor,
                invoice_ids=list(sums),
                details=details | {f"owed_{code}": owed for code, owed in sorted(amounts.items())},
                invoices=self._list_asked_invoices(),
                reason=self.proposal.reason,
            )
        )

    def _list_asked_invoices(self) -> list[AskedInvoice]:
        return [AskedInvoice.from_receivable(self.claims[name], amount) for name, amount in self._current_amounts().items()]

    def _sum_current_amounts(self) -> dict[str, int]:
        """By currency."""
        sums = self._current_amounts()
        return sum_undisputed_by_currency(self.claims[name].model_copy(update={"open_balance": sums[name], "disputed": 0}) for name in sums)

    def _renew_approval_request(self, invoice_id: str, at: Moment) -> None:
        """What was asked for is another sum now. A case that cannot revise its approval takes it back, and asks anew."""
        amounts = self._sum_current_amounts()
        if self.binds_facts and self.proposal and amounts:
            self.write_entry(EntryKind.WRITE_OFF_REVISED, at, invoice=invoice_id, amount=self._current_amounts().get(invoice_id, 0))
            amount, currency = find_largest_amount(amounts)
            self.add_revision(
                ReviseApproval(
                    number=self.last_number(APPROVAL_SEQUENCE),
                    amount=amount,
                    currency=currency,
                    other_amounts=list_other_amounts(amounts),
                    invoices=self._list_asked_invoices(),
                    reason=self.proposal.reason,
                )
            )
            return
        self._withdraw_approval_request(REVISED)
        self.write_entry(EntryKind.WRITE_OFF_REVISED, at, invoice=invoice_id, amount=self._current_amounts().get(invoice_id, 0))
        self._request_approval(at)

    def _reset_decision(self) -> None:
        self.stage, self.proposal = WriteOffStage.DECIDING, None

    def _current_amounts(self) -> dict[str, int]:
        return self.proposed_amounts(self.proposal) if self.proposal else {}

    def _open_amounts(self) -> dict[str, int]:
        return {
            name: receivable.open_balance
            for name, receivable in self.claims.items()
            if not receivable.settled and receivable.open_balance > 0
        }

    def _execute_decision(self, at: Moment, approved: Sequence[AskedInvoice]) -> None:
        """The suspension hears first what its invoices are settled by; what is left of a part it hears when that is booked.

        No more is booked than was `approved`, which is nothing of an approval that bound no facts: then what is owed by now is.
        """
        if self.proposal and self.proposal.decision in (WriteOffDecision.WHOLE, WriteOffDecision.PART):
            most = {invoice.invoice_id: invoice.amount for invoice in approved} or self._current_amounts()
            amounts = {name: min(amount, most[name]) for name, amount in self._current_amounts().items() if most.get(name)}
            if not amounts:
                self._reset_decision()
                self._notify_team("write_off_lapsed")
                return
            self.stage, self.to_book = WriteOffStage.BOOKING, amounts
            self.write_entry(EntryKind.WRITE_OFF_BOOKING_ORDERED, at, invoices=len(self.to_book))
            everything = self.to_book == self._open_amounts() or self.proposal.decision is WriteOffDecision.WHOLE
            if everything:
                self._notify_suspension(SignalName.WRITTEN_OFF.value)
            for name, amount in self.to_book.items():
                key = f"{self.journal.case_id}:{self.last_number(APPROVAL_SEQUENCE)}:{name}"
                self.add_effect(BookWriteOff(key=key, invoice_id=name, amount=amount, currency=self.claims[name].currency))
            if not everything:
                self._notify_suspension(SignalName.HANDED_BACK.value)
        else:
            self._complete_decision(at)

    def _complete_decision(self, at: Moment) -> None:
        """An account at an agency or a court stays on hold; what is collected again is let go, and may be handed over anew. What came
        while the whole was being booked is still to be decided about."""
        assert self.proposal is not None
        decision = self.proposal.decision
        self.stage = WriteOffStage.DECIDED
        self.write_entry(EntryKind.WRITE_OFF_DECIDED, at, decision=decision.value)
        if decision is WriteOffDecision.WHOLE:
            self._reinstate_if_paid(at)
        if decision in (WriteOffDecision.AGENCY, WriteOffDecision.LEGAL):
            self.add_effect(MakeDossier(account_id=self.journal.account_id, purpose=decision.value))
        if decision is WriteOffDecision.PART:
            self._lift_holds()
            self.claims = {}
        if decision is WriteOffDecision.WHOLE and self._open_amounts():
            self._reset_decision()
        if decision is WriteOffDecision.BACK_TO_COLLECTIONS:
            self._notify_suspension(SignalName.HANDED_BACK.value)
            self.end(at, decision.value)

    def _reinstate_if_paid(self, at: Moment) -> None:
        """The suspension's own case ended with the write-off: who has paid all the same is served again."""
        nothing_lost = all(booking.recovered >= booking.amount for booking in self.booked.values())
        if self.stage is WriteOffStage.DECIDED and nothing_lost and not self._open_amounts() and not self.reinstated:
            self.reinstated = True
            self.write_entry(EntryKind.SUSPENSION_REINSTATEMENT_ORDERED, at)
            self.add_effect(ReinstateInBilling(account_id=self.journal.account_id))

    def end(self, at: Moment, ending: str) -> None:
        self.stage, self.ending = WriteOffStage.ENDED, ending
        self.write_entry(EntryKind.WRITE_OFF_ENDED, at, ending=ending)
        self._lift_holds()

    def _withdraw_approval_request(self, reason: str) -> None:
        if self.approval_open:
            self.add_effect(WithdrawApproval(number=self.last_number(APPROVAL_SEQUENCE), reason=reason))
            self.approval_open = False

    def _place_hold(self, invoice_id: str, at: Moment) -> None:
        hold = Hold(hold_id=self.hold_id, kind=HoldKind.WRITE_OFF, since=at.business)
        self.add_effect(PlaceHold(invoice_id=invoice_id, hold=hold))

    def _lift_holds(self) -> None:
        for name in self.claims:
            self.add_effect(LiftHold(invoice_id=name, hold_id=self.hold_id))

    def _notify_suspension(self, what: Literal["written_off", "handed_back"]) -> None:
        self.add_effect(NotifySuspension(account_id=self.journal.account_id, what=what))

    def _notify_team(self, template: str) -> None:
        self.add_effect(NotifyRole(role=Role.WRITE_OFF_ANALYST, template=template, details={"account": self.journal.account_id}))
