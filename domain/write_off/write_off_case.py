"""What becomes of an account that was handed over: the write-off team's decision, the word it needs, the booking, and what comes back."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.approval.result import REVISED, SETTLED, ApprovalNews, ApprovalResult
from domain.billing.billing_events import Recovery
from domain.billing.receivables import Claim, owed_by_currency, weightiest
from domain.case.account_case import AccountCase
from domain.case.effects import (
    AskApproval,
    BookWriteOff,
    LiftHold,
    MakeDossier,
    NotifyRole,
    PlaceHold,
    ReinstateInBilling,
    TellInvoice,
    TellSuspension,
    WithdrawApproval,
)
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Fact
from domain.money import Currency
from domain.policy.approval_type import Matter
from domain.roles import Role
from domain.timeline.holds import Hold, HoldKind
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision

APPROVAL = "approval"


class WriteOffStage(StrEnum):
    """`decided`: nothing more is done here, but what comes back is still recorded."""

    DECIDING = "deciding"
    APPROVAL = "approval"
    BOOKING = "booking"
    DECIDED = "decided"
    ENDED = "ended"


class Booked(BaseModel):
    """What was written off an invoice, in minor units of its currency, and what was paid on it afterwards."""

    model_config = ConfigDict(frozen=True)

    amount: int
    currency: Currency
    recovered: int = 0


class WriteOffCase(AccountCase):
    """Every sum is that of the moment: payments that come before the booking make it smaller, never larger than what is open."""

    stage: WriteOffStage = WriteOffStage.DECIDING
    claims: dict[str, Claim] = Field(default_factory=dict)
    proposal: ProposeWriteOff | None = None
    approval_open: bool = False
    to_book: dict[str, int] = Field(default_factory=dict)
    booked: dict[str, Booked] = Field(default_factory=dict)
    early: list[Recovery] = Field(default_factory=list)
    ending: str | None = None
    late: list[Claim] = Field(default_factory=list)
    reinstated: bool = False

    @property
    def hold_id(self) -> str:
        return f"write_off:{self.journal.account_id}"

    @property
    def ended(self) -> bool:
        return self.stage is WriteOffStage.ENDED

    @property
    def decision(self) -> WriteOffDecision | None:
        """The one that was carried out."""
        return self.proposal.decision if self.proposal and self.stage in (WriteOffStage.DECIDED, WriteOffStage.ENDED) else None

    @property
    def elsewhere(self) -> bool:
        """An agency or a court has the account; the team may think again."""
        return self.stage is WriteOffStage.DECIDED and self.decision in (WriteOffDecision.AGENCY, WriteOffDecision.LEGAL)

    @property
    def waiting_for(self) -> str:
        words = {WriteOffStage.DECIDING: "decision", WriteOffStage.APPROVAL: "approval", WriteOffStage.BOOKING: "billing"}
        return words.get(self.stage, "nothing" if self.ended else "payment")

    # --- what machines report

    def handed_over(self, claims: list[Claim], at: Moment) -> None:
        """The account comes to the team, with its dossier. Invoices that come later join, and what is owed is decided anew with them."""
        fresh = [claim for claim in claims if claim.invoice_id not in self.claims and claim.open_balance > 0 and not claim.settled]
        if self.ended:
            self.late += claims
            return
        if not fresh:
            return
        if self.stage is WriteOffStage.DECIDED:
            self._decide_anew()
        before = self._sums()
        self.claims |= {claim.invoice_id: claim for claim in fresh}
        self.note(EntryKind.WRITE_OFF_HANDED_OVER, at, invoices=len(fresh))
        for claim in fresh:
            self._hold(claim.invoice_id, at)
        self.ask_for(MakeDossier(account_id=self.journal.account_id, purpose="write_off"))
        self._notify("write_off_handed_over")
        if self.approval_open and self._sums() != before:
            self._ask_anew(fresh[0].invoice_id, at)

    def hear_of(self, claim: Claim, at: Moment) -> None:
        """An invoice's facts. What is settled before the booking needs no decision any more."""
        known = self.claims.get(claim.invoice_id)
        if known is None or claim.version < known.version:
            return
        before, self.claims[claim.invoice_id] = self._sums(), claim
        if known.settled and not claim.settled and not self.ended:
            self._hold(claim.invoice_id, at)
        undecided = self.stage in (WriteOffStage.DECIDING, WriteOffStage.APPROVAL) or self.elsewhere
        if undecided and all(one.settled or one.open_balance <= 0 for one in self.claims.values()):
            self._take_question_back(SETTLED)
            self.end(at, "settled")
        elif self.approval_open and self._sums() != before:
            self._ask_anew(claim.invoice_id, at)

    def recovered(self, came: Recovery, at: Moment) -> None:
        """Money that came on an invoice after it was written off counts once; a payment that bounced is taken back. It may be heard of
        before the booking is."""
        if came.invoice_id in self.to_book:
            self.early.append(came)
            return
        known = self.booked.get(came.invoice_id)
        if known is None or not self.sees(came.event_id):
            return
        self.booked[came.invoice_id] = known.model_copy(update={"recovered": known.recovered + came.amount})
        self.note(
            EntryKind.WRITE_OFF_RECOVERED, at, invoice=came.invoice_id, amount=came.amount, currency=known.currency, payment=came.payment_id
        )  # fmt: skip
        self.ask_for(TellInvoice(invoice_id=came.invoice_id, what=EntryKind.WRITE_OFF_RECOVERED.value))
        self._reinstate_if_paid(at)

    def approval_came(self, news: ApprovalNews, at: Moment) -> None:
        if not self.approval_open or news.number != self.number(APPROVAL):
            return
        self.approval_open = False
        self.note(EntryKind.WRITE_OFF_APPROVAL_ANSWERED, at, news.by, approval=news.number, result=news.result.value, reason=news.reason)
        if news.result is ApprovalResult.APPROVED:
            self._carry_on(at)
            return
        self._decide_anew()
        self._notify(f"write_off_{news.result.value}")

    def billing_booked(self, invoice_id: str, amount: int, at: Moment) -> None:
        """Billing says how much it really wrote off, which is never more than what was open. It tells the invoice itself."""
        if self.to_book.pop(invoice_id, None) is None:
            return
        known = self.claims[invoice_id]
        self.claims[invoice_id] = known.model_copy(update={"open_balance": max(known.open_balance - amount, 0)})
        if amount > 0:
            booked = self.booked.get(invoice_id) or Booked(amount=0, currency=known.currency)
            self.booked[invoice_id] = booked.model_copy(update={"amount": booked.amount + amount})
            self.note(EntryKind.WRITE_OFF_BOOKED, at, invoice=invoice_id, amount=amount, currency=known.currency)
        waiting, self.early = self.early, []
        for came in waiting:
            self.recovered(came, at)
        if not self.to_book:
            self._conclude(at)

    # --- going on

    def sums(self, proposal: ProposeWriteOff) -> dict[str, int]:
        """What the decision is about, of each invoice, in minor units: never more than its open balance."""
        most = self._open()
        named = proposal.amounts if proposal.decision is WriteOffDecision.PART else most
        return {name: min(amount, most[name]) for name, amount in named.items() if name in most}

    def propose(self, act: ProposeWriteOff, at: Moment) -> int:
        self.proposal = act
        sums = self.sums(act)
        seq = self.note(EntryKind.WRITE_OFF_PROPOSED, at, act.actor, act=act.act_id, decision=act.decision.value, invoices=len(sums))
        self._ask_approval(at)
        return seq

    def _ask_approval(self, at: Moment) -> None:
        assert self.proposal is not None
        sums = self._sums()
        amounts = owed_by_currency(self.claims[name].model_copy(update={"open_balance": sums[name], "disputed": 0}) for name in sums)
        if not amounts:
            self._decide_anew()
            self._notify("write_off_lapsed")
            return
        self.stage, self.approval_open = WriteOffStage.APPROVAL, True
        number, (amount, currency) = self.next_number(APPROVAL), weightiest(amounts)
        self.note(EntryKind.WRITE_OFF_APPROVAL_ASKED, at, self.proposal.actor, approval=number, amount=amount, currency=currency)
        details: dict[str, Fact] = {"decision": self.proposal.decision.value}
        self.ask_for(
            AskApproval(
                number=number, matter=Matter.WRITE_OFF, amount=amount, currency=currency, requester=self.proposal.actor,
                invoice_ids=list(sums),
                details=details | {f"owed_{code}": owed for code, owed in sorted(amounts.items())},
            )
        )  # fmt: skip

    def _ask_anew(self, invoice_id: str, at: Moment) -> None:
        """What was asked for is another sum now."""
        self._take_question_back(REVISED)
        self.note(EntryKind.WRITE_OFF_REVISED, at, invoice=invoice_id, amount=self._sums().get(invoice_id, 0))
        self._ask_approval(at)

    def _decide_anew(self) -> None:
        self.stage, self.proposal = WriteOffStage.DECIDING, None

    def _sums(self) -> dict[str, int]:
        return self.sums(self.proposal) if self.proposal else {}

    def _open(self) -> dict[str, int]:
        return {name: one.open_balance for name, one in self.claims.items() if not one.settled and one.open_balance > 0}

    def _carry_on(self, at: Moment) -> None:
        """The suspension hears first what its invoices are settled by; what is left of a part it hears when that is booked."""
        if self.proposal and self.proposal.decision in (WriteOffDecision.WHOLE, WriteOffDecision.PART):
            self.stage, self.to_book = WriteOffStage.BOOKING, self._sums()
            self.note(EntryKind.WRITE_OFF_BOOKING_ORDERED, at, invoices=len(self.to_book))
            everything = self.to_book == self._open()
            if everything:
                self._tell_suspension("written_off")
            for name, amount in self.to_book.items():
                key = f"{self.journal.case_id}:{self.number(APPROVAL)}:{name}"
                self.ask_for(BookWriteOff(key=key, invoice_id=name, amount=amount, currency=self.claims[name].currency))
            if not everything:
                self._tell_suspension("handed_back")
        else:
            self._conclude(at)

    def _conclude(self, at: Moment) -> None:
        """An account at an agency or a court stays on hold; what is collected again is let go, and may be handed over anew. What came
        while the whole was being booked is still to be decided about."""
        assert self.proposal is not None
        decision = self.proposal.decision
        self.stage = WriteOffStage.DECIDED
        self.note(EntryKind.WRITE_OFF_DECIDED, at, decision=decision.value)
        if decision is WriteOffDecision.WHOLE:
            self._reinstate_if_paid(at)
        if decision in (WriteOffDecision.AGENCY, WriteOffDecision.LEGAL):
            self.ask_for(MakeDossier(account_id=self.journal.account_id, purpose=decision.value))
        if decision is WriteOffDecision.PART:
            self._lift_holds()
            self.claims = {}
        if decision is WriteOffDecision.WHOLE and self._open():
            self._decide_anew()
        if decision is WriteOffDecision.BACK_TO_COLLECTIONS:
            self._tell_suspension("handed_back")
            self.end(at, decision.value)

    def _reinstate_if_paid(self, at: Moment) -> None:
        """The suspension's own case ended with the write-off: who has paid all the same is served again."""
        nothing_lost = all(one.recovered >= one.amount for one in self.booked.values())
        if self.stage is WriteOffStage.DECIDED and nothing_lost and not self._open() and not self.reinstated:
            self.reinstated = True
            self.note(EntryKind.SUSPENSION_REINSTATEMENT_ORDERED, at)
            self.ask_for(ReinstateInBilling(account_id=self.journal.account_id))

    def end(self, at: Moment, ending: str) -> None:
        self.stage, self.ending = WriteOffStage.ENDED, ending
        self.note(EntryKind.WRITE_OFF_ENDED, at, ending=ending)
        self._lift_holds()

    def _take_question_back(self, reason: str) -> None:
        if self.approval_open:
            self.ask_for(WithdrawApproval(number=self.number(APPROVAL), reason=reason))
            self.approval_open = False

    def _hold(self, invoice_id: str, at: Moment) -> None:
        hold = Hold(hold_id=self.hold_id, kind=HoldKind.WRITE_OFF, since=at.business)
        self.ask_for(PlaceHold(invoice_id=invoice_id, hold=hold))

    def _lift_holds(self) -> None:
        for name in self.claims:
            self.ask_for(LiftHold(invoice_id=name, hold_id=self.hold_id))

    def _tell_suspension(self, what: Literal["written_off", "handed_back"]) -> None:
        self.ask_for(TellSuspension(account_id=self.journal.account_id, what=what))

    def _notify(self, template: str) -> None:
        self.ask_for(NotifyRole(role=Role.WRITE_OFF_ANALYST, template=template, details={"account": self.journal.account_id}))
