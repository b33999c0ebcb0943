"""What a payment plan tells: the customer by letter, and the author of its terms by message."""

from domain.case.effects import NotifyPerson, SendLetter, WithdrawLetter
from domain.clock import Moment
from domain.journal.journal import Fact
from domain.payment_plan.instalments import Instalment
from domain.payment_plan.state import PlanState, Revision


class PlanLetters(PlanState):
    """Amounts are given in minor units, days as ISO dates: the letter says them in the reader's language."""

    def facts_of(self, revision: Revision) -> dict[str, Fact]:
        schedule = revision.schedule
        return {
            "revision": revision.number, "total": schedule.total, "interest": schedule.interest, "instalments": len(schedule.instalments),
            "first_on": schedule.instalments[0].due_on.isoformat(), "last_on": schedule.last_day.isoformat(),
            "asked_by": revision.asked_by.value, "why": revision.why,
        }  # fmt: skip

    def letter(self, template: str, revision: Revision, at: Moment, suffix: str = "", **more: Fact) -> str:
        """Its key. `schedule` lists the instalments as day:amount:interest, parted by spaces."""
        schedule = " ".join(f"{one.due_on.isoformat()}:{one.amount}:{one.interest}" for one in revision.schedule.instalments)
        details: dict[str, Fact] = {
            "plan": self.case_id, "revision": revision.number, "currency": self.currency, "total": revision.schedule.total,
            "received": self.received, "outstanding": revision.schedule.outstanding(self.received), "invoices": " ".join(self.covered),
            "interest_percent": str(revision.terms.interest_percent), "schedule": schedule,
        }  # fmt: skip
        key = f"{self.case_id}:{template}:{revision.number}{suffix}"
        invoices = list(self.covered)
        self.ask_for(SendLetter(template=template, on=at.business.date(), key=key, invoice_ids=invoices, details=details | more))
        return key

    def letter_about(self, template: str, one: Instalment, at: Moment, **more: Fact) -> None:
        if self.agreed is None:
            return
        share = self.agreed.schedule.paid(self.received)[one.number - 1]
        key = self.letter(
            template, self.agreed, at, f":{one.number}:{at.business.date().isoformat()}", instalment=one.number,
            due_on=one.due_on.isoformat(), amount=one.amount, paid=share, to_pay=one.amount - share, **more,
        )  # fmt: skip
        self.about.setdefault(one.number, []).append(key)

    def take_offer_back(self) -> None:
        """Should it not have gone yet."""
        if self.offer:
            self.ask_for(WithdrawLetter(key=self.offer))
            self.offer = None

    def take_back_what_is_about(self, instalment: int) -> None:
        """It is paid: letters that ask for it, and have not gone yet, need not go."""
        for key in self.about.pop(instalment, []):
            self.ask_for(WithdrawLetter(key=key))

    def tell_author(self, template: str, **more: Fact) -> None:
        if self.draft:
            details: dict[str, Fact] = {"plan": self.case_id, "revision": self.draft.number}
            self.ask_for(NotifyPerson(user=self.draft.by, template=template, details=details | more))
