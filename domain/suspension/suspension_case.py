"""The suspension of an account, and every rule by which it goes on. The workflow only decides when to ask it.

One case serves all invoices of the account. Nothing is suspended but on a warning that was approved and delivered, after a full notice,
with a sign-off; and only for invoices that the warning named.
"""

from datetime import date, timedelta

from domain.approval.result import REVISED, WITHDRAWN, ApprovalNews, ApprovalResult
from domain.billing.receivables import Claim
from domain.case.billing_results import BillingAnswer
from domain.clock import Moment
from domain.correspondence.letter_outcome import LetterFate
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.roles import Role
from domain.suspension.state import APPROVAL, IN_SUSPENSION, LETTER, ORDER, Ending, Stage
from domain.suspension.transitions import REINSTATED_LETTER, SUSPENDED_LETTER, SuspensionSteps


class SuspensionCase(SuspensionSteps):
    """What the case takes in from invoices, approvals, letters and the billing system; people's acts are in `suspension_acts`."""

    def open(self, at: Moment) -> None:
        self.note(EntryKind.CASE_OPENED, at, policy=self.snapshot.name, policy_version=self.snapshot.version, prepaid=self.prepaid)

    def join(self, claim: Claim, at: Moment, by: str = SYSTEM) -> None:
        """An invoice asks, by its step or by a person. The first of a day waits for the others of that day, a person does not."""
        if self.ended:
            self.late.append(claim)
            return
        if claim.invoice_id in self.claims:
            self.hear_of(claim, at)
            return
        self.claims[claim.invoice_id] = claim
        self.note(EntryKind.SUSPENSION_ASKED, at, by, invoice=claim.invoice_id, open_balance=claim.open_balance, currency=claim.currency)
        self._hold_unless_handed_back(claim.invoice_id, at)
        self.tell([claim.invoice_id], EntryKind.SUSPENSION_ASKED)
        self._heed_asker(by, at)
        if self.approval_open:
            self.revise_approval()
        if self.stage is Stage.HANDED_OVER and claim.owed(self.policy):
            self.pass_on([claim.invoice_id])
        self.go_on(at)

    def ask_hand_over(self, claim: Claim, at: Moment) -> None:
        """The timeline's last step. A suspended account that was handed back is handed over anew; one that is paid in advance,
        and so is never suspended, without having been suspended. Any other must be warned first."""
        if self.ended:
            self.late_hand_overs.append(claim)
            return
        if self.prepaid and claim.owed(self.policy):
            self.claims.setdefault(claim.invoice_id, claim)
            self.hand_over(at)
            self.end(Ending.SPARED, at)
            return
        self.join(claim, at)
        if self.stage is Stage.SUSPENDED and self.hand_over_on is None and not self.spared:
            self.hand_over(at)

    def _heed_asker(self, by: str, at: Moment) -> None:
        """Whoever asked may not approve: one who asks later takes the question back and asks anew."""
        today = at.business.date()
        self.asks_on = self.asks_on or today + timedelta(days=1)
        if by == SYSTEM:
            return
        self.asks_on = min(self.asks_on, today)
        if by not in self.askers:
            self.askers.append(by)
            self.take_question_back(REVISED)

    def hear_of(self, claim: Claim, at: Moment) -> None:
        """Take in an invoice's facts. Those older than what is known change nothing, nor do those of invoices outside the case.

        A dispute changes what is contested without a new version of the facts.
        """
        known = self.claims.get(claim.invoice_id)
        if self.ended or known is None or claim.version < known.version or claim == known:
            return
        self.claims[claim.invoice_id] = claim
        if known.settled and not claim.settled:
            self._hold_unless_handed_back(claim.invoice_id, at)
        self.note(
            EntryKind.SUSPENSION_FACTS_CHANGED, at, invoice=claim.invoice_id, open_balance=claim.open_balance, currency=claim.currency,
            disputed=claim.disputed, settled=claim.settled,
        )  # fmt: skip
        if self.approval_open and self.chaseable():
            self.revise_approval()
        self.go_on(at)

    def _hold_unless_handed_back(self, invoice_id: str, at: Moment) -> None:
        """Of an account that the write-off team gave back the invoices go on by their own timelines, to the hand-over."""
        if self.stage is not Stage.SUSPENDED or self.hand_over_on is not None:
            self.place_holds([invoice_id], at)

    def prepaid_is(self, prepaid: bool, at: Moment) -> None:
        """The account's service is, or is no longer, paid in advance."""
        self.prepaid = prepaid
        self.go_on(at)

    def approval_came(self, news: ApprovalNews, at: Moment) -> None:
        """Only the approval that was asked for last counts, and once."""
        if self.ended or not self.approval_open or news.number != self.number(APPROVAL):
            return
        self.approval_open = False
        self.note(EntryKind.SUSPENSION_APPROVAL_ANSWERED, at, news.by, approval=news.number, result=news.result.value, reason=news.reason)
        match news.result:
            case ApprovalResult.APPROVED if self.stage is Stage.WARNING_APPROVAL:
                self.send_warning(at)
            case ApprovalResult.APPROVED:
                self.order_suspension(at)
            case ApprovalResult.REJECTED:
                self.end(Ending.REJECTED, at)
            case ApprovalResult.RETURNED:
                self.returned = True
                self.notify(Role.COLLECTOR, "suspension_returned", at)
            case ApprovalResult.LAPSED if news.reason == WITHDRAWN:
                self.end(Ending.WITHDRAWN, at)
            case ApprovalResult.LAPSED:
                self.step_back()
        self.go_on(at)

    def letter_came(self, number: int, fate: LetterFate, on: date, at: Moment, reason: str = "") -> None:
        """What became of the warning, on a date of the customer's. Only `sent` starts the notice; a bounce afterwards ends it."""
        if number != self.number(LETTER) or self.stage not in (Stage.WARNING, Stage.NOTICE, Stage.SIGN_OFF):
            return
        if fate is LetterFate.SENT and self.stage is Stage.WARNING:
            self.start_notice(number, on, at)
        elif fate is not LetterFate.SENT:
            self.want_delivery(number, fate, at, reason)
        self.go_on(at)

    def billing_answered(self, order: int, answer: BillingAnswer, at: Moment) -> None:
        if self.stage is not Stage.SUSPENDING or order != self.number(ORDER):
            return
        if answer is BillingAnswer.NOT_IN_ARREARS:
            self.end(Ending.CURED, at)
            return
        self.stage, self.suspended_on = Stage.SUSPENDED, at.business.date()
        self.hand_over_on = self.suspended_on + timedelta(days=self.policy.suspension.hand_over_days)
        self.note(EntryKind.SUSPENSION_SUSPENDED, at, hand_over_on=self.hand_over_on.isoformat())
        self.tell(self.claims, EntryKind.SUSPENSION_SUSPENDED)
        if self.owed(self.warned):
            self.write(SUSPENDED_LETTER, self.warned, at, key=f"suspended:{order}")
        self.go_on(at)

    def billing_reinstated(self, at: Moment) -> None:
        if self.stage is not Stage.REINSTATING:
            return
        self.note(EntryKind.SUSPENSION_REINSTATED, at)
        self.tell(self.claims, EntryKind.SUSPENSION_REINSTATED)
        self.write(REINSTATED_LETTER, self.warned, at, key=f"reinstated:{self.number(ORDER)}")
        self.end(Ending.REINSTATED, at)

    def handed_back(self, at: Moment) -> None:
        """The write-off team gave the account back: it stays suspended until paid, and its invoices are collected again."""
        if self.stage is not Stage.HANDED_OVER:
            return
        self.stage, self.hand_over_on = Stage.SUSPENDED, None
        self.note(EntryKind.SUSPENSION_HANDED_BACK, at)
        self.lift_holds()

    def written_off(self, at: Moment) -> None:
        """Nothing is left to be paid: the service stays off, and the case is over."""
        if self.stage in IN_SUSPENSION:
            self.end(Ending.WRITTEN_OFF, at)
