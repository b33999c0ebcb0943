"""What a payment plan tells: the customer by letter, and the author of its terms by message."""

from domain.case.effects import NotifyPerson, SendLetter, WithdrawLetter
from domain.clock import Moment
from domain.journal.journal import FactValue
from domain.payment_plan.instalments import Instalment
from domain.payment_plan.state import PlanRevision, PlanState


class PlanLetters(PlanState):
    """Amounts are given in minor units, days as ISO dates: the letter says them in the reader's language."""

    def revision_facts(self, revision: PlanRevision) -> dict[str, FactValue]:
        schedule = revision.schedule
        return {
            "revision": revision.number,
            "total": schedule.total,
            "interest": schedule.interest,
            "instalments": len(schedule.instalments),
            "first_on": schedule.instalments[0].due_on.isoformat(),
            "last_on": schedule.last_day.isoformat(),
            "asked_by": revision.asked_by.value,
            "why": revision.why,
        }

    def request_letter(self, template: str, revision: PlanRevision, at: Moment, suffix: str = "", **more: FactValue) -> str:
        """Its key. `schedule` lists the instalments as day:amount:interest, parted by spaces."""
        schedule = " ".join(f"{one.due_on.isoformat()}:{one.amount}:{one.interest}" for one in revision.schedule.instalments)
        details: dict[str, FactValue] = {
            "plan": self.case_id,
            "revision": revision.number,
            "currency": self.currency,
            "total": revision.schedule.total,
            "received": self.received,
            "outstanding": revision.schedule.outstanding_amount(self.received),
            "invoices": " ".join(self.covered),
            "interest_percent": str(revision.terms.interest_percent),
            "schedule": schedule,
        }
        key = f"{self.case_id}:{template}:{revision.number}{suffix}"
        invoices = list(self.covered)
        self.add_effect(SendLetter(template=template, on=at.business.date(), key=key, invoice_ids=invoices, details=details | more))
        return key

    def request_instalment_letter(self, template: str, instalment: Instalment, at: Moment, **more: FactValue) -> None:
        if self.agreed is None:
            return
        share = self.agreed.schedule.paid_amounts(self.received)[instalment.number - 1]
        key = self.request_letter(
            template,
            self.agreed,
            at,
            f":{instalment.number}:{at.business.date().isoformat()}",
            instalment=instalment.number,
            due_on=instalment.due_on.isoformat(),
            amount=instalment.amount,
            paid=share,
            to_pay=instalment.amount - share,
            **more,
        )
        self.about.setdefault(instalment.number, []).append(key)

    def withdraw_offer_letter(self) -> None:
        """Should it not have gone yet."""
        if self.offer:
            self.add_effect(WithdrawLetter(key=self.offer))
            self.offer = None

    def withdraw_instalment_letters(self, instalment: int) -> None:
        """It is paid: letters that ask for it, and have not gone yet, need not go."""
        for key in self.about.pop(instalment, []):
            self.add_effect(WithdrawLetter(key=key))

    def notify_author(self, template: str, **more: FactValue) -> None:
        if self.draft:
            details: dict[str, FactValue] = {"plan": self.case_id, "revision": self.draft.number}
            self.add_effect(NotifyPerson(user=self.draft.by, template=template, details=details | more))
