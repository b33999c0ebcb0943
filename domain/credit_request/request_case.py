"""The state of a request to credit or cancel an invoice by hand, and the rules by which it changes. Amounts in minor units."""

from enum import StrEnum

from domain.approval.result import ApprovalOutcome, ApprovalResult, LapseReason
from domain.billing.billing_events import InvoiceFacts, InvoiceStatus
from domain.billing.reduction_kind import ReductionKind
from domain.case.account_case import AccountCase
from domain.case.asked_invoice import AskedInvoice
from domain.case.billing_results import BookingResult
from domain.case.effects import CancelInvoice, IssueCreditNote, NotifyPerson, RequestApproval, ReviseApproval, WithdrawApproval
from domain.clock import Moment
from domain.credit_request.commands import RequestCredit, WithdrawCreditRequest
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.policy.approval_type import ApprovalType

APPROVAL_SEQUENCE = "approval"


class CreditRequestStage(StrEnum):
    NOT_ASKED = "not_asked"
    APPROVAL = "approval"
    BOOKING = "booking"
    BOOKED = "booked"
    REFUSED = "refused"
    REJECTED = "rejected"
    RETURNED = "returned"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


_UNDER_WAY = (CreditRequestStage.APPROVAL, CreditRequestStage.BOOKING)
_STAGE_WITHOUT_APPROVAL = {
    ApprovalResult.REJECTED: CreditRequestStage.REJECTED,
    ApprovalResult.RETURNED: CreditRequestStage.RETURNED,
    ApprovalResult.LAPSED: CreditRequestStage.LAPSED,
}


class CreditRequestCase(AccountCase):
    """One request about an invoice. Serialisable whole. `facts` are billing's latest, `decided_by` had the last word; `refused` is
    billing's reason, where it refused."""

    invoice_id: str
    stage: CreditRequestStage = CreditRequestStage.NOT_ASKED
    request: RequestCredit | None = None
    facts: InvoiceFacts | None = None
    decided_by: str = ""
    refused: str = ""

    @property
    def is_under_way(self) -> bool:
        return self.stage in _UNDER_WAY

    @property
    def is_ended(self) -> bool:
        return self.request is not None and not self.is_under_way

    @property
    def waiting_for(self) -> str:
        """What moves it next."""
        return {CreditRequestStage.APPROVAL: "approval", CreditRequestStage.BOOKING: "billing"}.get(self.stage, "nothing")

    @property
    def booking_key(self) -> str:
        """Makes the booking once, and names it in the answer."""
        return f"{self.journal.case_id}:{self.last_number(APPROVAL_SEQUENCE)}"

    # --- what is asked for

    def request_credit(self, command: RequestCredit, at: Moment) -> int:
        """Ask those who must agree; the number of the entry."""
        self.stage, self.request, self.facts = CreditRequestStage.APPROVAL, command, command.facts
        seq = self.write_entry(
            EntryKind.CREDIT_ASKED, at, command.actor, act=command.act_id, note=command.note_id, **self._describe_request(command)
        )
        self.add_effect(
            RequestApproval(
                number=self.next_number(APPROVAL_SEQUENCE),
                matter=ApprovalType.CREDIT_NOTE,
                amount=command.amount,
                currency=command.facts.currency,
                requester=command.actor,
                invoice_ids=[self.invoice_id],
                invoices=[self._build_asked_invoice(command, command.facts)],
                note_id=command.note_id,
                details={"reduction": command.reduction.value},
            )
        )
        return seq

    def _build_asked_invoice(self, command: RequestCredit, facts: InvoiceFacts) -> AskedInvoice:
        """Of what is open, all is asked for where the invoice is to be cancelled."""
        asked_for = facts.open_balance if command.reduction is ReductionKind.CANCELLATION else command.amount
        return AskedInvoice(invoice_id=self.invoice_id, currency=facts.currency, open_balance=facts.open_balance, amount=asked_for)

    def _describe_request(self, command: RequestCredit) -> dict[str, FactValue]:
        return {"reduction": command.reduction.value, "amount": command.amount, "currency": command.facts.currency}

    def withdraw(self, command: WithdrawCreditRequest, at: Moment) -> int | None:
        """End it, and take its approval back; the number of the entry. A decision that was given in this moment books nothing."""
        if self.request is None:
            return None
        self.add_effect(WithdrawApproval(number=self.last_number(APPROVAL_SEQUENCE), reason=LapseReason.WITHDRAWN.value))
        return self._end(CreditRequestStage.WITHDRAWN, self.request, at, actor=command.actor, act=command.act_id, note=command.note_id)

    # --- what billing has changed meanwhile

    def apply_invoice_facts(self, facts: InvoiceFacts) -> None:
        """Revise the approval that waits, or take it back: nothing is to be credited that nobody owes."""
        if self.stage is not CreditRequestStage.APPROVAL or self.request is None or (self.facts and facts.version <= self.facts.version):
            return
        self.facts = facts
        number = self.last_number(APPROVAL_SEQUENCE)
        if reason := self._find_lapse(self.request, facts):
            self.add_effect(WithdrawApproval(number=number, reason=reason.value))
            return
        self.add_revision(
            ReviseApproval(
                number=number,
                amount=self.request.amount,
                currency=facts.currency,
                invoices=[self._build_asked_invoice(self.request, facts)],
                note_id=self.request.note_id,
            )
        )

    @staticmethod
    def _find_lapse(request: RequestCredit, facts: InvoiceFacts) -> LapseReason | None:
        """Why the request has lost its object. An invoice that was paid when its cancellation was asked for may still be cancelled."""
        if facts.status is InvoiceStatus.CANCELLED or (facts.is_settled and not request.facts.is_settled):
            return LapseReason.SETTLED
        if request.reduction is ReductionKind.CREDIT_NOTE and request.amount > facts.open_balance:
            return LapseReason.AMOUNT_SHRANK
        return None

    # --- the word of the matrix, and what billing does with it

    def apply_approval_outcome(self, outcome: ApprovalOutcome, at: Moment) -> None:
        """Order the booking, or end; the answer to an earlier approval is passed over."""
        request = self.request
        if self.stage is not CreditRequestStage.APPROVAL or request is None or outcome.number != self.last_number(APPROVAL_SEQUENCE):
            return
        self.decided_by = "" if outcome.by == SYSTEM else outcome.by
        if outcome.result is not ApprovalResult.APPROVED:
            self._end(_STAGE_WITHOUT_APPROVAL[outcome.result], request, at, outcome.reason)
            return
        self.stage, key = CreditRequestStage.BOOKING, self.booking_key
        if request.reduction is ReductionKind.CANCELLATION:
            self.add_effect(CancelInvoice(key=key, invoice_id=self.invoice_id))
            return
        currency = request.facts.currency
        self.add_effect(
            IssueCreditNote(key=key, invoice_id=self.invoice_id, amount=request.amount, currency=currency, within_open_balance=True)
        )

    def apply_booking_result(self, result: BookingResult, at: Moment) -> None:
        """What billing made of the order. Whoever asked knows that it was agreed to, and hears that it was not booked."""
        if self.stage is not CreditRequestStage.BOOKING or self.request is None or result.key != self.booking_key:
            return
        self.refused = result.refused
        if not result.refused:
            self._end(CreditRequestStage.BOOKED, self.request, at)
            return
        self._end(CreditRequestStage.REFUSED, self.request, at, result.refused)
        details = {"account": self.journal.account_id, "invoice": self.invoice_id, "why": result.refused}
        self.add_effect(
            NotifyPerson(user=self.request.actor, template="credit_refused", details=details | self._describe_request(self.request))
        )

    def _end(
        self, stage: CreditRequestStage, request: RequestCredit, at: Moment, reason: str = "", actor: str = SYSTEM, **more: FactValue
    ) -> int:
        self.stage = stage
        return self.write_entry(
            EntryKind.CREDIT_ENDED,
            at,
            actor,
            ending=stage.value,
            decided_by=self.decided_by,
            reason=reason,
            **self._describe_request(request),
            **more,
        )
