"""Builders for an account's suspension: days count from Friday 1 March 2013; the policy gives 14 days of notice."""

from collections.abc import Callable
from typing import Any

from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.billing.receivables import Receivable
from domain.case.billing_results import SuspensionOrderOutcome
from domain.case.effects import RequestApproval, SendLetter, SuspendInBilling
from domain.correspondence.letter_outcome import LetterResult
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot
from domain.suspension.events import add_receivable, apply_approval_outcome, apply_billing_result, apply_warning_outcome, open_case
from domain.suspension.state import APPROVAL_SEQUENCE, LETTER_SEQUENCE, ORDER_SEQUENCE, SuspensionStage
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.transitions import WARNING_LETTER, advance
from tests.domain.builders import build_policy, midnight, moment


def build_receivable(invoice: str = "I1", version: int = 1, **changes: Any) -> Receivable:
    """100.00 EUR unless a test says otherwise."""
    return Receivable.model_validate({"invoice_id": invoice, "version": version, "currency": "EUR", "open_balance": 10_000} | changes)


def build_paid_receivable(invoice: str = "I1", version: int = 2) -> Receivable:
    return build_receivable(invoice, version, open_balance=0, settled=True)


def build_disputed_receivable(invoice: str = "I1", version: int = 2, amount: int = 10_000) -> Receivable:
    return build_receivable(invoice, version, disputed=amount)


class SuspensionDriver:
    """A suspension case, and the workflow's part in short: what the case asked for is kept, day by day."""

    def __init__(self, *invoices: Receivable, prepaid: bool = False, day: float = 0) -> None:
        journal = Journal(case_id="suspension:A1", account_id="A1")
        self.case = SuspensionCase(journal=journal, snapshot=PolicySnapshot.from_policy(build_policy()), prepaid=prepaid)
        open_case(self.case, moment(day))
        self.effects: list[Any] = []
        for one in invoices:
            add_receivable(self.case, one, moment(day))

    def list_effects(self, kind: type) -> list[Any]:
        self.effects += self.case.take_effects()
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def approvals(self) -> list[str]:
        return [effect.matter.value for effect in self.list_effects(RequestApproval)]

    def letters(self) -> list[str]:
        return [effect.template for effect in self.list_effects(SendLetter)]

    @property
    def warnings(self) -> list[SendLetter]:
        return [letter for letter in self.list_effects(SendLetter) if letter.template == WARNING_LETTER]

    @property
    def orders(self) -> list[SuspendInBilling]:
        return self.list_effects(SuspendInBilling)

    def pass_time_until(self, day: float) -> None:
        """Wake whenever the case wants to, up to a day."""
        while (due := self.case.wakes_at()) is not None and due <= midnight(day):
            advance(self.case, moment((due - midnight()).days))
        advance(self.case, moment(day))

    def answer_approval(self, result: ApprovalResult, day: float, number: int | None = None, reason: str = "") -> None:
        news = ApprovalOutcome(number=number or self.case.last_number(APPROVAL_SEQUENCE), result=result, by="mona", reason=reason)
        apply_approval_outcome(self.case, news, moment(day))

    def report_warning(self, result: LetterResult, day: float, number: int | None = None) -> None:
        apply_warning_outcome(self.case, number or self.case.last_number(LETTER_SEQUENCE), result, midnight(day).date(), moment(day))

    def report_billing(self, answer: SuspensionOrderOutcome, day: float) -> None:
        apply_billing_result(self.case, self.case.last_number(ORDER_SEQUENCE), answer, moment(day))

    def drive_to(self, stage: SuspensionStage) -> "SuspensionDriver":
        """The straight way: asked on day 0, warned on 1, delivered on 2, notice until 16, sign-off on 17, suspended on 17."""
        way: list[tuple[SuspensionStage, Callable[[], None]]] = [
            (SuspensionStage.ASKED, lambda: None),
            (SuspensionStage.WARNING_APPROVAL, lambda: self.pass_time_until(1)),
            (SuspensionStage.WARNING, lambda: self.answer_approval(ApprovalResult.APPROVED, 1)),
            (SuspensionStage.NOTICE, lambda: self.report_warning(LetterResult.SENT, 2)),
            (SuspensionStage.SIGN_OFF, lambda: self.pass_time_until(17)),
            (SuspensionStage.SUSPENDING, lambda: self.answer_approval(ApprovalResult.APPROVED, 17)),
            (SuspensionStage.SUSPENDED, lambda: self.report_billing(SuspensionOrderOutcome.SUSPENDED, 17)),
            (SuspensionStage.HANDED_OVER, lambda: self.pass_time_until(47)),
        ]
        for reached, go in way:
            go()
            assert self.case.stage is reached
            if reached is stage:
                return self
        raise ValueError(f"the straight way does not pass {stage}")
