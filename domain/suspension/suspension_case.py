"""The suspension of an account, and every rule by which it goes on. The workflow only decides when to ask it.

One case serves all invoices of the account. Nothing is suspended but on a warning that was approved and delivered, after a full notice,
with a sign-off; and only for invoices that the warning named.
"""

from datetime import date, timedelta

from domain.approval.result import REVISED, WITHDRAWN, ApprovalOutcome, ApprovalResult
from domain.billing.receivables import Receivable
from domain.case.billing_results import SuspensionOrderOutcome
from domain.clock import Moment
from domain.correspondence.letter_outcome import LetterResult
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.roles import Role
from domain.suspension.state import APPROVAL_SEQUENCE, LETTER_SEQUENCE, ORDER_SEQUENCE, SUSPENDED_STAGES, SuspensionEnding, SuspensionStage
from domain.suspension.transitions import REINSTATED_LETTER, SUSPENDED_LETTER, SuspensionTransitions


class SuspensionCase(SuspensionTransitions):
    """What the case takes in from invoices, approvals, letters and the billing system; people's acts are in `suspension_acts`."""

    def open(self, at: Moment) -> None:
        self.write_entry(EntryKind.CASE_OPENED, at, policy=self.snapshot.name, policy_version=self.snapshot.version, prepaid=self.prepaid)

    def add_receivable(self, receivable: Receivable, at: Moment, by: str = SYSTEM) -> None:
        """An invoice asks, by its step or by a person. The first of a day waits for the others of that day, a person does not."""
        if self.is_ended:
            self.late.append(receivable)
            return
        if receivable.invoice_id in self.claims:
            self.update_receivable(receivable, at)
            return
        self.claims[receivable.invoice_id] = receivable
        self.write_entry(
            EntryKind.SUSPENSION_ASKED,
            at,
            by,
            invoice=receivable.invoice_id,
            open_balance=receivable.open_balance,
            currency=receivable.currency,
        )
        self._place_hold_unless_handed_back(receivable.invoice_id, at)
        self.notify_invoices([receivable.invoice_id], EntryKind.SUSPENSION_ASKED)
        self._register_requester(by, at)
        if self.approval_open:
            self.revise_approval()
        if self.stage is SuspensionStage.HANDED_OVER and receivable.is_owed(self.policy):
            self.hand_over_invoices([receivable.invoice_id])
        self.advance(at)

    def request_hand_over(self, receivable: Receivable, at: Moment) -> None:
        """The timeline's last step. A suspended account that was handed back is handed over anew; one that is paid in advance,
        and so is never suspended, without having been suspended. Any other must be warned first."""
        if self.is_ended:
            self.late_hand_overs.append(receivable)
            return
        if self.prepaid and receivable.is_owed(self.policy):
            self.claims.setdefault(receivable.invoice_id, receivable)
            self.hand_over(at)
            self.end(SuspensionEnding.SPARED, at)
            return
        self.add_receivable(receivable, at)
        if self.stage is SuspensionStage.SUSPENDED and self.hand_over_on is None and not self.is_fully_disputed:
            self.hand_over(at)

    def _register_requester(self, by: str, at: Moment) -> None:
        """Whoever asked may not approve: one who asks later takes the question back and asks anew."""
        today = at.business.date()
        self.asks_on = self.asks_on or today + timedelta(days=1)
        if by == SYSTEM:
            return
        self.asks_on = min(self.asks_on, today)
        if by not in self.askers:
            self.askers.append(by)
            self.withdraw_approval_request(REVISED)

    def update_receivable(self, receivable: Receivable, at: Moment) -> None:
        """Take in an invoice's facts. Those older than what is known change nothing, nor do those of invoices outside the case.

        A dispute changes what is contested without a new version of the facts.
        """
        known = self.claims.get(receivable.invoice_id)
        if self.is_ended or known is None or receivable.version < known.version or receivable == known:
            return
        self.claims[receivable.invoice_id] = receivable
        if known.settled and not receivable.settled:
            self._place_hold_unless_handed_back(receivable.invoice_id, at)
        self.write_entry(
            EntryKind.SUSPENSION_FACTS_CHANGED,
            at,
            invoice=receivable.invoice_id,
            open_balance=receivable.open_balance,
            currency=receivable.currency,
            disputed=receivable.disputed,
            settled=receivable.settled,
        )
        if self.approval_open and self.collectable_receivables():
            self.revise_approval()
        self.advance(at)

    def _place_hold_unless_handed_back(self, invoice_id: str, at: Moment) -> None:
        """Of an account that the write-off team gave back the invoices go on by their own timelines, to the hand-over."""
        if self.stage is not SuspensionStage.SUSPENDED or self.hand_over_on is not None:
            self.place_holds([invoice_id], at)

    def set_prepaid(self, prepaid: bool, at: Moment) -> None:
        """The account's service is, or is no longer, paid in advance."""
        self.prepaid = prepaid
        self.advance(at)

    def apply_approval_outcome(self, outcome: ApprovalOutcome, at: Moment) -> None:
        """Only the approval that was asked for last counts, and once."""
        if self.is_ended or not self.approval_open or outcome.number != self.last_number(APPROVAL_SEQUENCE):
            return
        self.approval_open = False
        self.write_entry(
            EntryKind.SUSPENSION_APPROVAL_ANSWERED,
            at,
            outcome.by,
            approval=outcome.number,
            result=outcome.result.value,
            reason=outcome.reason,
        )
        match outcome.result:
            case ApprovalResult.APPROVED if self.stage is SuspensionStage.WARNING_APPROVAL:
                self.send_warning(at)
            case ApprovalResult.APPROVED:
                self.order_suspension(at)
            case ApprovalResult.REJECTED:
                self.end(SuspensionEnding.REJECTED, at)
            case ApprovalResult.RETURNED:
                self.returned = True
                self.notify_role(Role.COLLECTOR, "suspension_returned", at)
            case ApprovalResult.LAPSED if outcome.reason == WITHDRAWN:
                self.end(SuspensionEnding.WITHDRAWN, at)
            case ApprovalResult.LAPSED:
                self.return_to_previous_stage()
        self.advance(at)

    def apply_warning_outcome(self, number: int, fate: LetterResult, on: date, at: Moment, reason: str = "") -> None:
        """What became of the warning, on a date of the customer's. Only `sent` starts the notice; a bounce afterwards ends it."""
        if number != self.last_number(LETTER_SEQUENCE) or self.stage not in (
            SuspensionStage.WARNING,
            SuspensionStage.NOTICE,
            SuspensionStage.SIGN_OFF,
        ):
            return
        if fate is LetterResult.SENT and self.stage is SuspensionStage.WARNING:
            self.start_notice(number, on, at)
        elif fate is not LetterResult.SENT:
            self.record_failed_delivery(number, fate, at, reason)
        self.advance(at)

    def apply_billing_result(self, order: int, outcome: SuspensionOrderOutcome, at: Moment) -> None:
        if self.stage is not SuspensionStage.SUSPENDING or order != self.last_number(ORDER_SEQUENCE):
            return
        if outcome is SuspensionOrderOutcome.NOT_IN_ARREARS:
            self.end(SuspensionEnding.CURED, at)
            return
        self.stage, self.suspended_on = SuspensionStage.SUSPENDED, at.business.date()
        self.hand_over_on = self.suspended_on + timedelta(days=self.policy.suspension.hand_over_days)
        self.write_entry(EntryKind.SUSPENSION_SUSPENDED, at, hand_over_on=self.hand_over_on.isoformat())
        self.notify_invoices(self.claims, EntryKind.SUSPENSION_SUSPENDED)
        if self.owed_receivables(self.warned):
            self.request_letter(SUSPENDED_LETTER, self.warned, at, key=f"suspended:{order}")
        self.advance(at)

    def apply_reinstatement(self, at: Moment) -> None:
        if self.stage is not SuspensionStage.REINSTATING:
            return
        self.write_entry(EntryKind.SUSPENSION_REINSTATED, at)
        self.notify_invoices(self.claims, EntryKind.SUSPENSION_REINSTATED)
        self.request_letter(REINSTATED_LETTER, self.warned, at, key=f"reinstated:{self.last_number(ORDER_SEQUENCE)}")
        self.end(SuspensionEnding.REINSTATED, at)

    def apply_hand_back(self, at: Moment) -> None:
        """The write-off team gave the account back: it stays suspended until paid, and its invoices are collected again."""
        if self.stage is not SuspensionStage.HANDED_OVER:
            return
        self.stage, self.hand_over_on = SuspensionStage.SUSPENDED, None
        self.write_entry(EntryKind.SUSPENSION_HANDED_BACK, at)
        self.lift_holds()

    def apply_write_off(self, at: Moment) -> None:
        """Nothing is left to be paid: the service stays off, and the case is over."""
        if self.stage in SUSPENDED_STAGES:
            self.end(SuspensionEnding.WRITTEN_OFF, at)
