"""The steps by which an account's suspension goes on, and whom each of them tells."""

from collections.abc import Iterable
from datetime import date, timedelta

from domain.approval.result import REVISED, SETTLED, WITHDRAWN
from domain.billing.receivables import weightiest
from domain.case.effects import (
    AskApproval,
    HandOver,
    LiftHold,
    NotifyRole,
    PlaceHold,
    ReinstateInBilling,
    ReviseApproval,
    SendLetter,
    SuspendInBilling,
    TellInvoice,
    WithdrawApproval,
    WithdrawLetter,
)
from domain.clock import Moment
from domain.correspondence.letter_outcome import LetterFate
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM, Fact
from domain.policy.approval_type import Matter
from domain.roles import Role
from domain.suspension.state import APPROVAL, BEFORE_BILLING, IN_SUSPENSION, LETTER, ORDER, Ending, Stage, SuspensionState
from domain.timeline.holds import Hold, HoldKind

WARNING_LETTER, SUSPENDED_LETTER, REINSTATED_LETTER = "suspension_warning", "suspended", "reinstated"


class SuspensionSteps(SuspensionState):
    """Every step leaves its entry in the journal and its effects in the outbox."""

    def go_on(self, at: Moment) -> None:
        """Go as far as the facts, the day and the words given allow."""
        if self.ended:
            return
        self._count_spared_days(at)
        while not self.ended and self._moves(at):
            pass

    @property
    def _warning_has_lost_its_object(self) -> bool:
        """Nothing that it named is to be pressed for; or, while it is under way, nothing at all is."""
        if self.spared:
            return self.stage is Stage.WARNING and not self.undelivered
        return self.stage in (Stage.WARNING, Stage.NOTICE, Stage.SIGN_OFF) and not self.warning_stands

    def _moves(self, at: Moment) -> bool:
        """Take one step, if one is due."""
        due = self.wakes_at()
        is_due = due is not None and due <= at.business
        if self.stage in BEFORE_BILLING:
            if self.prepaid or not self.owed():
                self.end(Ending.SPARED if self.prepaid else Ending.CURED, at)
            elif self._warning_has_lost_its_object:
                self._begin_anew(at)
            elif self.spared and self.approval_open:
                self.take_question_back(REVISED)
            elif is_due:
                self._ask_approval(at)
            else:
                return False
            return True
        if self.stage in IN_SUSPENSION and not self.owed(self.warned):
            self.order_reinstatement(at)
            return True
        if self.stage is Stage.SUSPENDED and is_due:
            self.hand_over(at)
        return False

    def _count_spared_days(self, at: Moment) -> None:
        """The days on which everything was disputed do not count as notice."""
        today = at.business.date()
        if self.spared and self.spared_since is None:
            self.spared_since = today
            self.note(EntryKind.SUSPENSION_SPARED, at, reason="disputed")
            if self.stage in IN_SUSPENSION:
                self.notify(Role.COLLECTIONS_MANAGER, "suspended_account_disputed", at)
        elif self.spared_since is not None and not self.spared:
            since, self.spared_since = self.spared_since, None
            self.note(EntryKind.SUSPENSION_RESUMED, at)
            if self.stage is Stage.NOTICE and self.notice_ends and since <= self.notice_ends:
                self.notice_ends += today - since

    def _ask_approval(self, at: Moment) -> None:
        about_warning = self.stage is Stage.ASKED
        self.stage = Stage.WARNING_APPROVAL if about_warning else Stage.SIGN_OFF
        matter = Matter.SUSPENSION_WARNING if about_warning else Matter.SUSPENSION
        number = self.next_number(APPROVAL)
        self.approval_open, self.returned = True, False
        amounts = self.amounts()
        amount, currency = weightiest(amounts)
        requester = self.askers[-1] if self.askers else SYSTEM
        self.note(
            EntryKind.SUSPENSION_APPROVAL_ASKED, at, requester, approval=number, matter=matter.value, amount=amount, currency=currency
        )
        self.ask_for(
            AskApproval(
                number=number, matter=matter, amount=amount, currency=currency, requester=requester, also_asked=self.askers[:-1],
                invoice_ids=self.asked_about(),
                details={f"owed_{code}": owed for code, owed in sorted(amounts.items())},
            )
        )  # fmt: skip

    def revise_approval(self) -> None:
        amounts = self.amounts()
        if amounts:
            amount, currency = weightiest(amounts)
            self.ask_for(ReviseApproval(number=self.number(APPROVAL), amount=amount, currency=currency))

    def send_warning(self, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
        """Ask for the letter, or ask for it again under a new number. The entry's number."""
        self.warned = self.asked_about()
        self.stage, self.undelivered = Stage.WARNING, False
        number = self.next_number(LETTER)
        seq = self.note(EntryKind.SUSPENSION_WARNING_REQUESTED, at, actor, letter=number, invoices=len(self.warned), **facts)
        self.write(WARNING_LETTER, self.warned, at, key=f"warning:{number}", number=number)
        return seq

    def start_notice(self, number: int, on: date, at: Moment) -> None:
        self.stage, self.undelivered, self.delivered_on, self.extended_days = Stage.NOTICE, False, on, 0
        self.notice_ends = on + timedelta(days=self.policy.suspension.notice_days)
        self.spared_since = at.business.date() if self.spared else None
        self.note(
            EntryKind.SUSPENSION_WARNING_DELIVERED, at, letter=number, delivered_on=on.isoformat(), notice_ends=self.notice_ends.isoformat()
        )
        self.tell(self.warned, EntryKind.SUSPENSION_WARNING_DELIVERED)

    def want_delivery(self, number: int, fate: LetterFate, at: Moment, reason: str) -> None:
        self.take_question_back(REVISED)
        self.stage, self.undelivered, self.delivered_on, self.notice_ends = Stage.WARNING, True, None, None
        self.returned = False
        self.note(EntryKind.SUSPENSION_WARNING_UNDELIVERED, at, letter=number, fate=fate.value, reason=reason)
        self.notify(Role.COLLECTOR, "suspension_warning_undelivered", at)

    def order_suspension(self, at: Moment) -> None:
        self.stage = Stage.SUSPENDING
        number = self.next_number(ORDER)
        self.note(EntryKind.SUSPENSION_ORDERED, at, order=number)
        self.ask_for(SuspendInBilling(account_id=self.journal.account_id, number=number, invoice_ids=list(self.warned)))

    def order_reinstatement(self, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
        self.stage = Stage.REINSTATING
        seq = self.note(EntryKind.SUSPENSION_REINSTATEMENT_ORDERED, at, actor, **facts)
        self.ask_for(ReinstateInBilling(account_id=self.journal.account_id))
        return seq

    def hand_over(self, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
        self.stage = Stage.HANDED_OVER
        names = [claim.invoice_id for claim in self.owed()]
        seq = self.note(EntryKind.SUSPENSION_HANDED_OVER, at, actor, invoices=len(names), **facts)
        self.place_holds(names, at)
        self.pass_on(names)
        return seq

    def pass_on(self, invoice_ids: list[str]) -> None:
        """To the write-off team."""
        self.tell(invoice_ids, EntryKind.SUSPENSION_HANDED_OVER)
        self.ask_for(HandOver(account_id=self.journal.account_id, invoice_ids=invoice_ids))

    def _begin_anew(self, at: Moment) -> None:
        """What the warning named is settled or disputed, and something else is not: that needs a warning of its own."""
        self.take_question_back(REVISED)
        self._take_warning_back()
        self.stage, self.asks_on, self.undelivered, self.returned = Stage.ASKED, at.business.date(), False, False
        self.warned, self.delivered_on, self.notice_ends = [], None, None
        self.note(EntryKind.SUSPENSION_BEGUN_ANEW, at)

    def take_question_back(self, reason: str) -> None:
        if self.approval_open:
            self.ask_for(WithdrawApproval(number=self.number(APPROVAL), reason=reason))
            self.approval_open = False
            self.step_back()

    def _take_warning_back(self) -> None:
        """A warning that is still under way."""
        if self.stage is Stage.WARNING:
            self.ask_for(WithdrawLetter(key=f"{self.journal.case_id}:warning:{self.number(LETTER)}"))

    def ask_again(self, by: str) -> None:
        """After a return: whoever asks now is the requester."""
        self.returned = False
        self.askers = [*(asker for asker in self.askers if asker != by), by]
        self.step_back()

    def step_back(self) -> None:
        """To where the approval is asked for anew as soon as it may be."""
        self.stage = Stage.ASKED if self.stage is Stage.WARNING_APPROVAL else Stage.NOTICE

    def end(self, ending: Ending, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
        self.take_question_back(SETTLED if ending is Ending.CURED else WITHDRAWN)
        self._take_warning_back()
        self.stage, self.ending, self.returned = Stage.ENDED, ending, False
        seq = self.note(EntryKind.SUSPENSION_ENDED, at, actor, ending=ending.value, **facts)
        self.tell(self.claims, EntryKind.SUSPENSION_ENDED)
        self.lift_holds()
        return seq

    # --- whom it tells

    def write(self, template: str, invoice_ids: list[str], at: Moment, key: str, number: int = 0) -> None:
        """`warned_on` is the day on which the current warning went, None in the warning itself."""
        details: dict[str, Fact] = {
            "notice_days": self.policy.suspension.notice_days,
            "warned_on": self.delivered_on.isoformat() if self.delivered_on and template != WARNING_LETTER else None,
        }
        self.ask_for(
            SendLetter(
                template=template, on=at.business.date(), key=f"{self.journal.case_id}:{key}", number=number, invoice_ids=list(invoice_ids),
                details=details,
            )
        )  # fmt: skip

    def tell(self, invoice_ids: Iterable[str], kind: EntryKind) -> None:
        for invoice_id in invoice_ids:
            self.ask_for(TellInvoice(invoice_id=invoice_id, what=kind.value))

    def notify(self, role: Role, template: str, at: Moment) -> None:
        details: dict[str, Fact] = {"account": self.journal.account_id, "on": at.business.date().isoformat()}
        self.ask_for(NotifyRole(role=role, template=template, details=details))

    def lift_holds(self) -> None:
        for invoice_id in self.claims:
            self.ask_for(LiftHold(invoice_id=invoice_id, hold_id=self.hold_id))

    def place_holds(self, invoice_ids: Iterable[str], at: Moment) -> None:
        hold = Hold(hold_id=self.hold_id, kind=HoldKind.SUSPENSION, since=at.business)
        for invoice_id in invoice_ids:
            self.ask_for(PlaceHold(invoice_id=invoice_id, hold=hold))
