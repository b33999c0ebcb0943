"""The steps by which an account's suspension goes on, and whom each of them tells."""

from collections.abc import Iterable
from datetime import date, timedelta

from domain.approval.result import REVISED, SETTLED, WITHDRAWN
from domain.billing.receivables import find_largest_amount, list_other_amounts
from domain.case.effects import (
    HandOverAccount,
    LiftHold,
    NotifyInvoice,
    NotifyRole,
    PlaceHold,
    ReinstateInBilling,
    RequestApproval,
    ReviseApproval,
    SendLetter,
    SuspendInBilling,
    WithdrawApproval,
    WithdrawLetter,
)
from domain.clock import Moment
from domain.correspondence.letter_outcome import LetterResult
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM, FactValue
from domain.policy.approval_type import ApprovalType
from domain.roles import Role
from domain.suspension.state import (
    APPROVAL_SEQUENCE,
    LETTER_SEQUENCE,
    ORDER_SEQUENCE,
    PRE_SUSPENSION_STAGES,
    SUSPENDED_STAGES,
    SuspensionEnding,
    SuspensionStage,
    SuspensionState,
)
from domain.timeline.holds import Hold, HoldKind

WARNING_LETTER, SUSPENDED_LETTER, REINSTATED_LETTER = "suspension_warning", "suspended", "reinstated"


class SuspensionTransitions(SuspensionState):
    """Every step leaves its entry in the journal and its effects in the outbox."""

    def advance(self, at: Moment) -> None:
        """Go as far as the facts, the day and the words given allow."""
        if self.is_ended:
            return
        self._track_fully_disputed_days(at)
        while not self.is_ended and self._take_due_step(at):
            pass

    @property
    def _is_warning_obsolete(self) -> bool:
        """Nothing that it named is to be pressed for; or, while it is under way, nothing at all is."""
        if self.is_fully_disputed:
            return self.stage is SuspensionStage.WARNING and not self.undelivered
        return self.stage in (SuspensionStage.WARNING, SuspensionStage.NOTICE, SuspensionStage.SIGN_OFF) and not self.has_valid_warning

    def _take_due_step(self, at: Moment) -> bool:
        """Take one step, if one is due."""
        due = self.wakes_at()
        is_due = due is not None and due <= at.business
        if self.stage in PRE_SUSPENSION_STAGES:
            if self.prepaid or not self.owed_receivables():
                self.end(SuspensionEnding.SPARED if self.prepaid else SuspensionEnding.CURED, at)
            elif self._is_warning_obsolete:
                self._restart(at)
            elif self.is_fully_disputed and self.approval_open:
                self.withdraw_approval_request(REVISED)
            elif is_due:
                self._request_approval(at)
            else:
                return False
            return True
        if self.stage in SUSPENDED_STAGES and not self.owed_receivables(self.warned):
            self.order_reinstatement(at)
            return True
        if self.stage is SuspensionStage.SUSPENDED and is_due:
            self.hand_over(at)
        return False

    def _track_fully_disputed_days(self, at: Moment) -> None:
        """The days on which everything was disputed do not count as notice."""
        today = at.business.date()
        if self.is_fully_disputed and self.spared_since is None:
            self.spared_since = today
            self.write_entry(EntryKind.SUSPENSION_SPARED, at, reason="disputed")
            if self.stage in SUSPENDED_STAGES:
                self.notify_role(Role.COLLECTIONS_MANAGER, "suspended_account_disputed", at)
        elif self.spared_since is not None and not self.is_fully_disputed:
            since, self.spared_since = self.spared_since, None
            self.write_entry(EntryKind.SUSPENSION_RESUMED, at)
            if self.stage is SuspensionStage.NOTICE and self.notice_ends and since <= self.notice_ends:
                self.notice_ends += today - since

    def _request_approval(self, at: Moment) -> None:
        about_warning = self.stage is SuspensionStage.ASKED
        self.stage = SuspensionStage.WARNING_APPROVAL if about_warning else SuspensionStage.SIGN_OFF
        matter = ApprovalType.SUSPENSION_WARNING if about_warning else ApprovalType.SUSPENSION
        number = self.next_number(APPROVAL_SEQUENCE)
        self.approval_open, self.returned = True, False
        amounts = self.approval_amounts()
        amount, currency = find_largest_amount(amounts)
        requester = self.askers[-1] if self.askers else SYSTEM
        self.write_entry(
            EntryKind.SUSPENSION_APPROVAL_ASKED, at, requester, approval=number, matter=matter.value, amount=amount, currency=currency
        )
        self.add_effect(
            RequestApproval(
                number=number,
                matter=matter,
                amount=amount,
                currency=currency,
                other_amounts=list_other_amounts(amounts),
                requester=requester,
                also_asked=self.askers[:-1],
                invoice_ids=self.approval_invoice_ids(),
                details={f"owed_{code}": owed for code, owed in sorted(amounts.items())},
            )
        )

    def revise_approval(self) -> None:
        amounts = self.approval_amounts()
        if amounts:
            amount, currency = find_largest_amount(amounts)
            number, others = self.last_number(APPROVAL_SEQUENCE), list_other_amounts(amounts)
            self.add_effect(ReviseApproval(number=number, amount=amount, currency=currency, other_amounts=others))

    def send_warning(self, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
        """Ask for the letter, or ask for it again under a new number. The entry's number."""
        self.warned = self.approval_invoice_ids()
        self.stage, self.undelivered = SuspensionStage.WARNING, False
        number = self.next_number(LETTER_SEQUENCE)
        seq = self.write_entry(EntryKind.SUSPENSION_WARNING_REQUESTED, at, actor, letter=number, invoices=len(self.warned), **facts)
        self.request_letter(WARNING_LETTER, self.warned, at, key=f"warning:{number}", number=number)
        return seq

    def start_notice(self, number: int, on: date, at: Moment) -> None:
        self.stage, self.undelivered, self.delivered_on, self.extended_days = SuspensionStage.NOTICE, False, on, 0
        self.notice_ends = on + timedelta(days=self.policy.suspension.notice_days)
        self.spared_since = at.business.date() if self.is_fully_disputed else None
        self.write_entry(
            EntryKind.SUSPENSION_WARNING_DELIVERED, at, letter=number, delivered_on=on.isoformat(), notice_ends=self.notice_ends.isoformat()
        )
        self.notify_invoices(self.warned, EntryKind.SUSPENSION_WARNING_DELIVERED)

    def record_failed_delivery(self, number: int, fate: LetterResult, at: Moment, reason: str) -> None:
        self.withdraw_approval_request(REVISED)
        self.stage, self.undelivered, self.delivered_on, self.notice_ends = SuspensionStage.WARNING, True, None, None
        self.returned = False
        self.write_entry(EntryKind.SUSPENSION_WARNING_UNDELIVERED, at, letter=number, fate=fate.value, reason=reason)
        self.notify_role(Role.COLLECTOR, "suspension_warning_undelivered", at)

    def order_suspension(self, at: Moment) -> None:
        self.stage = SuspensionStage.SUSPENDING
        number = self.next_number(ORDER_SEQUENCE)
        self.write_entry(EntryKind.SUSPENSION_ORDERED, at, order=number)
        self.add_effect(SuspendInBilling(account_id=self.journal.account_id, number=number, invoice_ids=list(self.warned)))

    def order_reinstatement(self, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
        self.stage = SuspensionStage.REINSTATING
        seq = self.write_entry(EntryKind.SUSPENSION_REINSTATEMENT_ORDERED, at, actor, **facts)
        self.add_effect(ReinstateInBilling(account_id=self.journal.account_id))
        return seq

    def hand_over(self, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
        self.stage = SuspensionStage.HANDED_OVER
        names = [claim.invoice_id for claim in self.owed_receivables()]
        seq = self.write_entry(EntryKind.SUSPENSION_HANDED_OVER, at, actor, invoices=len(names), **facts)
        self.place_holds(names, at)
        self.hand_over_invoices(names)
        return seq

    def hand_over_invoices(self, invoice_ids: list[str]) -> None:
        """To the write-off team."""
        self.notify_invoices(invoice_ids, EntryKind.SUSPENSION_HANDED_OVER)
        self.add_effect(HandOverAccount(account_id=self.journal.account_id, invoice_ids=invoice_ids))

    def _restart(self, at: Moment) -> None:
        """What the warning named is settled or disputed, and something else is not: that needs a warning of its own."""
        self.withdraw_approval_request(REVISED)
        self._withdraw_warning_letter()
        self.stage, self.asks_on, self.undelivered, self.returned = SuspensionStage.ASKED, at.business.date(), False, False
        self.warned, self.delivered_on, self.notice_ends = [], None, None
        self.write_entry(EntryKind.SUSPENSION_BEGUN_ANEW, at)

    def withdraw_approval_request(self, reason: str) -> None:
        if self.approval_open:
            self.add_effect(WithdrawApproval(number=self.last_number(APPROVAL_SEQUENCE), reason=reason))
            self.approval_open = False
            self.return_to_previous_stage()

    def _withdraw_warning_letter(self) -> None:
        """A warning that is still under way."""
        if self.stage is SuspensionStage.WARNING:
            self.add_effect(WithdrawLetter(key=f"{self.journal.case_id}:warning:{self.last_number(LETTER_SEQUENCE)}"))

    def request_approval_again(self, by: str) -> None:
        """After a return: whoever asks now is the requester."""
        self.returned = False
        self.askers = [*(asker for asker in self.askers if asker != by), by]
        self.return_to_previous_stage()

    def return_to_previous_stage(self) -> None:
        """To where the approval is asked for anew as soon as it may be."""
        self.stage = SuspensionStage.ASKED if self.stage is SuspensionStage.WARNING_APPROVAL else SuspensionStage.NOTICE

    def end(self, ending: SuspensionEnding, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
        self.withdraw_approval_request(SETTLED if ending is SuspensionEnding.CURED else WITHDRAWN)
        self._withdraw_warning_letter()
        self.stage, self.ending, self.returned = SuspensionStage.ENDED, ending, False
        seq = self.write_entry(EntryKind.SUSPENSION_ENDED, at, actor, ending=ending.value, **facts)
        self.notify_invoices(self.claims, EntryKind.SUSPENSION_ENDED)
        self.lift_holds()
        return seq

    # --- whom it tells

    def request_letter(self, template: str, invoice_ids: list[str], at: Moment, key: str, number: int = 0) -> None:
        """`warned_on` is the day on which the current warning went, None in the warning itself."""
        details: dict[str, FactValue] = {
            "notice_days": self.policy.suspension.notice_days,
            "warned_on": self.delivered_on.isoformat() if self.delivered_on and template != WARNING_LETTER else None,
        }
        self.add_effect(
            SendLetter(
                template=template,
                on=at.business.date(),
                key=f"{self.journal.case_id}:{key}",
                number=number,
                invoice_ids=list(invoice_ids),
                details=details,
            )
        )

    def notify_invoices(self, invoice_ids: Iterable[str], kind: EntryKind) -> None:
        for invoice_id in invoice_ids:
            self.add_effect(NotifyInvoice(invoice_id=invoice_id, what=kind.value))

    def notify_role(self, role: Role, template: str, at: Moment) -> None:
        details: dict[str, FactValue] = {"account": self.journal.account_id, "on": at.business.date().isoformat()}
        self.add_effect(NotifyRole(role=role, template=template, details=details))

    def lift_holds(self) -> None:
        for invoice_id in self.claims:
            self.add_effect(LiftHold(invoice_id=invoice_id, hold_id=self.hold_id))

    def place_holds(self, invoice_ids: Iterable[str], at: Moment) -> None:
        hold = Hold(hold_id=self.hold_id, kind=HoldKind.SUSPENSION, since=at.business)
        for invoice_id in invoice_ids:
            self.add_effect(PlaceHold(invoice_id=invoice_id, hold=hold))
