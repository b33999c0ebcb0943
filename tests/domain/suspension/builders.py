"""Builders for an account's suspension: days count from Friday 1 March 2013; the policy gives 14 days of notice."""

from collections.abc import Callable
from typing import Any

from domain.approval.result import ApprovalNews, ApprovalResult
from domain.billing.receivables import Claim
from domain.case.billing_results import BillingAnswer
from domain.case.effects import AskApproval, SendLetter, SuspendInBilling
from domain.correspondence.letter_outcome import LetterFate
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot
from domain.suspension.state import APPROVAL, LETTER, ORDER, Stage
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.transitions import WARNING_LETTER
from tests.domain.builders import midnight, moment, policy


def claim(invoice: str = "I1", version: int = 1, **changes: Any) -> Claim:
    """100.00 EUR unless a test says otherwise."""
    return Claim.model_validate({"invoice_id": invoice, "version": version, "currency": "EUR", "open_balance": 10_000} | changes)


def paid(invoice: str = "I1", version: int = 2) -> Claim:
    return claim(invoice, version, open_balance=0, settled=True)


def disputed(invoice: str = "I1", version: int = 2, amount: int = 10_000) -> Claim:
    return claim(invoice, version, disputed=amount)


class Account:
    """A suspension case, and the workflow's part in short: what the case asked for is kept, day by day."""

    def __init__(self, *invoices: Claim, prepaid: bool = False, day: float = 0) -> None:
        journal = Journal(case_id="suspension:A1", account_id="A1")
        self.case = SuspensionCase(journal=journal, snapshot=PolicySnapshot.of(policy()), prepaid=prepaid)
        self.case.open(moment(day))
        self.effects: list[Any] = []
        for one in invoices:
            self.case.join(one, moment(day))

    def asked(self, kind: type) -> list[Any]:
        self.effects += self.case.take_effects()
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def approvals(self) -> list[str]:
        return [effect.matter.value for effect in self.asked(AskApproval)]

    def letters(self) -> list[str]:
        return [effect.template for effect in self.asked(SendLetter)]

    @property
    def warnings(self) -> list[SendLetter]:
        return [letter for letter in self.asked(SendLetter) if letter.template == WARNING_LETTER]

    @property
    def orders(self) -> list[SuspendInBilling]:
        return self.asked(SuspendInBilling)

    def until(self, day: float) -> None:
        """Wake whenever the case wants to, up to a day."""
        while (due := self.case.wakes_at()) is not None and due <= midnight(day):
            self.case.go_on(moment((due - midnight()).days))
        self.case.go_on(moment(day))

    def answer(self, result: ApprovalResult, day: float, number: int | None = None, reason: str = "") -> None:
        news = ApprovalNews(number=number or self.case.number(APPROVAL), result=result, by="mona", reason=reason)
        self.case.approval_came(news, moment(day))

    def letter(self, fate: LetterFate, day: float, number: int | None = None) -> None:
        self.case.letter_came(number or self.case.number(LETTER), fate, midnight(day).date(), moment(day))

    def billing(self, answer: BillingAnswer, day: float) -> None:
        self.case.billing_answered(self.case.number(ORDER), answer, moment(day))

    def brought_to(self, stage: Stage) -> "Account":
        """The straight way: asked on day 0, warned on 1, delivered on 2, notice until 16, sign-off on 17, suspended on 17."""
        way: list[tuple[Stage, Callable[[], None]]] = [
            (Stage.ASKED, lambda: None),
            (Stage.WARNING_APPROVAL, lambda: self.until(1)),
            (Stage.WARNING, lambda: self.answer(ApprovalResult.APPROVED, 1)),
            (Stage.NOTICE, lambda: self.letter(LetterFate.SENT, 2)),
            (Stage.SIGN_OFF, lambda: self.until(17)),
            (Stage.SUSPENDING, lambda: self.answer(ApprovalResult.APPROVED, 17)),
            (Stage.SUSPENDED, lambda: self.billing(BillingAnswer.SUSPENDED, 17)),
            (Stage.HANDED_OVER, lambda: self.until(47)),
        ]
        for reached, go in way:
            go()
            assert self.case.stage is reached
            if reached is stage:
                return self
        raise ValueError(f"the straight way does not pass {stage}")
