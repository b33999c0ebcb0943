"""What is known of a payment plan: the terms put forward and agreed, what was received, and what they mean."""

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.payment_plan.commands import Side
from domain.payment_plan.instalments import InstalmentSchedule, InstalmentTerms


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

OFFER_LETTER = "plan_offer"


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
