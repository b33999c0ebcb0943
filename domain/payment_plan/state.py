"""What is known of a payment plan: the terms put forward and agreed, what was received, and what they mean."""

from datetime import date, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.case.account_case import AccountCase
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM, FactValue
from domain.payment_plan.commands import ProposePlan, Side
from domain.payment_plan.instalments import Instalment, InstalmentSchedule, InstalmentTerms
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.plan_rules import PlanRules


class PlanStage(StrEnum):
    """PROPOSED: sent back to its author. APPROVAL: the matrix decides. OFFERED: the customer decides. The last four are ends."""

    PROPOSED = "proposed"
    APPROVAL = "approval"
    OFFERED = "offered"
    ACTIVE = "active"
    COMPLETED = "completed"
    BROKEN = "broken"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


ENDED_STAGES = frozenset({PlanStage.COMPLETED, PlanStage.BROKEN, PlanStage.CANCELLED, PlanStage.REJECTED})

SETTLED, REVISED, DECLINED, OFFER_LAPSED, NOT_REVISED = "settled", "revised", "declined", "offer_lapsed", "not_revised"
INSOLVENT = "insolvency"
"""Why a proposal came to nothing, or its approval lost its object."""


class PlanRevision(BaseModel):
    """Terms that were put forward: by whom, at whose wish, and why."""

    model_config = ConfigDict(frozen=True)

    number: int
    terms: InstalmentTerms
    schedule: InstalmentSchedule
    since: date
    by: str
    asked_by: Side
    why: str
    made_on: date


class CoveredInvoice(BaseModel):
    """An invoice of the plan, at the last version of its facts. Amount in minor units."""

    version: int
    open_balance: int


class PlanState(AccountCase):
    """One plan over some invoices of an account, serialisable whole. Amounts in minor units of `currency`; days are business dates.

    `received` is what came off the invoices' balances, and was paid as interest, since the proposal. `draft` are the terms under
    negotiation, `agreed` those in force. `offer`: the key of the letter that offers them; `about`: those of the letters about each
    instalment.
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
    about: dict[int, list[str]] = Field(default_factory=dict)
    ending: PlanStage | None = None
    reason: str = ""

    def write_entry(self, kind: EntryKind, at: Moment, actor: str = SYSTEM, **facts: FactValue) -> int:
        """Whatever a plan notes, it notes in its currency."""
        return super().write_entry(kind, at, actor, **facts, currency=self.currency)

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
