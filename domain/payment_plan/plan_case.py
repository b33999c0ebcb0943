"""A payment plan: what it knows and what follows from it. How it changes is in `negotiation` and `plan_progress`."""

from datetime import date, datetime, timedelta

from pydantic import Field

from domain.case.account_case import AccountCase
from domain.case.asked_invoice import AskedInvoice
from domain.case.effects import RequestApproval
from domain.clock import Moment, start_of_day
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.payment_plan.commands import ProposePlan
from domain.payment_plan.instalments import Instalment
from domain.payment_plan.state import OFFER_LETTER, CoveredInvoice, PlanRevision, PlanStage
from domain.policy.approval_type import ApprovalType
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.plan_rules import PlanRules


class PaymentPlanCase(AccountCase):
    """One plan over some invoices of an account, serialisable whole. Amounts in minor units of `currency`; days are business dates.

    `received` is what came off the invoices' balances, and was paid as interest, since the proposal. `draft` are the terms under
    negotiation, `agreed` those in force. `offer`: the key of the letter that offers them; `offers` counts those that went;
    `about`: the keys of the letters about each instalment.
    """

    snapshot: PolicySnapshot
    proposal: ProposePlan
    covered: dict[str, CoveredInvoice]
    broken_plans: int = 0
    revisions: list[PlanRevision] = Field(default_factory=list)
    draft: PlanRevision | None = None
    draft_stage: PlanStage = PlanStage.PROPOSED
    draft_since: date = date.min
    agreed: PlanRevision | None = None
    received: int = 0
    recalled: list[int] = Field(default_factory=list)
    paid: list[int] = Field(default_factory=list)
    interest_charged: int = 0
    missed_on: dict[int, date] = Field(default_factory=dict)
    offer: str | None = None
    offers: int = 0
    about: dict[int, list[str]] = Field(default_factory=dict)
    ending: PlanStage | None = None
    reason: str = ""

    def write_entry(self, kind: EntryKind, at: Moment, actor: str = SYSTEM, **facts: FactValue) -> int:
        """Whatever a plan notes, it notes in its currency."""
        return super().write_entry(kind, at, actor, **facts, currency=self.currency)

    def apply_letter_outcome(self, outcome: LetterOutcome, at: Moment) -> bool:
        """As every case does; and counts the offers that reached the customer: not one that bounced after it had gone."""
        is_first = super().apply_letter_outcome(outcome, at)
        if is_first and outcome.step == OFFER_LETTER:
            went_before = f"letter:{outcome.message_id}:{LetterResult.SENT}" in self.seen
            self.offers += 1 if outcome.fate is LetterResult.SENT else -1 if went_before else 0
        return is_first

    @property
    def rules(self) -> PlanRules:
        return self.snapshot.load_policy().plan

    @property
    def case_id(self) -> str:
        return self.journal.case_id

    @property
    def currency(self) -> str:
        return self.proposal.currency

    @property
    def stage(self) -> PlanStage:
        """Terms under negotiation show; those in force hold all the same."""
        if self.ending:
            return self.ending
        return self.draft_stage if self.draft else PlanStage.ACTIVE

    @property
    def is_over(self) -> bool:
        return self.ending is not None

    @property
    def debt(self) -> int:
        """What is owed of the invoices' money, without the interest to come."""
        if self.agreed:
            return self.agreed.schedule.remaining_principal(self.received)
        return sum(invoice.open_balance for invoice in self.covered.values())

    @property
    def unpaid_instalments(self) -> list[Instalment]:
        """Of the terms in force."""
        return self.agreed.schedule.unpaid_instalments(self.received) if self.agreed else []

    def lapses_on(self) -> date:
        """The last day on which the customer may accept, or the author revise."""
        days = self.rules.offer_days if self.draft_stage is PlanStage.OFFERED else self.rules.revision_days
        return self.draft_since + timedelta(days)

    def pending_approval(self) -> RequestApproval | None:
        """The approval that this case waits for, or None. Its number is the revision's."""
        revision = self.draft
        if revision is None or self.is_over or self.draft_stage is not PlanStage.APPROVAL:
            return None
        return RequestApproval(
            number=revision.number,
            matter=ApprovalType.PAYMENT_PLAN,
            amount=revision.schedule.total - revision.schedule.paid_before,
            currency=self.currency,
            requester=revision.by,
            also_asked=self._earlier_authors(revision),
            term_days=max((revision.schedule.last_day - revision.made_on).days, 0),
            broken_plans=self.broken_plans,
            invoice_ids=list(self.covered),
            details={"plan": self.case_id, "revision": revision.number, "asked_by": revision.asked_by.value},
            invoices=self.asked_invoices,
            reason=revision.why,
        )

    @property
    def asked_invoices(self) -> list[AskedInvoice]:
        """The invoices that the plan is over, as approvals show them."""
        return [
            AskedInvoice(invoice_id=name, currency=self.currency, open_balance=invoice.open_balance, amount=invoice.open_balance)
            for name, invoice in self.covered.items()
        ]

    def _earlier_authors(self, revision: PlanRevision) -> list[str]:
        """Who put forward other terms of this plan asks for these too: a colleague's revision makes nobody free to approve their own."""
        return [instalment for instalment in dict.fromkeys(earlier.by for earlier in self.revisions) if instalment != revision.by]

    def wakes_at(self) -> datetime | None:
        """The next business time at which something happens by itself."""
        return min((start_of_day(day) for day in self._list_due_days()), default=None)

    def _list_due_days(self) -> list[date]:
        """The days on which something is due, past ones included."""
        if self.is_over:
            return []
        days = [self.lapses_on() + timedelta(1)] if self.draft and self.draft_stage is not PlanStage.APPROVAL else []
        days += [instalment.due_on for instalment in self.list_uncharged_instalments()]
        for instalment in self.unpaid_instalments:
            days += [self.reminder_day(instalment)] if instalment.number not in self.recalled else []
            days.append(self.break_day(instalment) if instalment.number in self.missed_on else instalment.due_on + timedelta(1))
        return days

    def reminder_day(self, instalment: Instalment) -> date:
        return instalment.due_on - timedelta(self.rules.remind_days_before)

    def break_day(self, instalment: Instalment) -> date:
        """The first day after the days of grace."""
        return self.missed_on[instalment.number] + timedelta(self.rules.grace_days)

    def list_uncharged_instalments(self) -> list[Instalment]:
        """Instalments with interest that billing was not told to charge. What earlier revisions charged is not charged again."""
        if self.agreed is None:
            return []
        schedule = self.agreed.schedule
        return [
            instalment for instalment in schedule.instalments if schedule.cumulative_interest(instalment.number) > self.interest_charged
        ]
