"""Coarse stages of an invoice's collection, by which managers filter in Temporal's own lists.

There are few, and they change seldom: every change costs the server about a quarter of a whole contact. The step that was taken is in
the read model and in the workflow's own answer.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.policy.collection_policy import Policy, Step, StepAction
from domain.timeline.holds import Hold, HoldKind
from domain.timeline.step_schedule import TakenStep, next_step


class CollectionStage(StrEnum):
    """No step of a policy can be called so, for a step's name has no capitals: a run that shows its step is told from one that does not."""

    COURTESY = "Courtesy"
    REMINDING = "Reminding"
    ESCALATED = "Escalated"
    SUSPENSION = "Suspension"
    SUSPENDED = "Suspended"
    HANDED_OVER = "HandedOver"
    ON_HOLD = "OnHold"


_ORDER = list(CollectionStage)

_HOLD_STAGES = {HoldKind.WRITE_OFF: CollectionStage.HANDED_OVER, HoldKind.SUSPENSION: CollectionStage.SUSPENSION}


def first_collection_stage(start: InvoiceCollectionInput, today: date) -> CollectionStage:
    """Return the stage with which an invoice's workflow is started. `today` is a business date (UTC)."""
    return _find_stage(start.policy.load_policy(), start.holds, [], start.facts.due_date, today, is_suspended=False)


def collection_stage(case: InvoiceCase, today: date) -> CollectionStage:
    """Return the stage that an invoice has reached. `today` is a business date (UTC). Of a suspended account it is suspended, on hold or
    not: what the write-off team gave back is collected again while its account stays suspended."""
    stage = held_collection_stage(case, today)
    is_suspended = case.is_suspended and not case.is_settled and stage is not CollectionStage.HANDED_OVER
    return CollectionStage.SUSPENDED if is_suspended else stage


def held_collection_stage(case: InvoiceCase, today: date) -> CollectionStage:
    """Return the stage as it was shown before a suspended invoice was one without a hold, too: runs of then go on with it."""
    return _find_stage(
        case.policy, list(case.holds.standing.values()), case.taken, case.facts.due_date, today, is_suspended=case.is_suspended
    )


def _find_stage(
    policy: Policy, holds: Sequence[Hold], taken: Sequence[TakenStep], due_date: date, today: date, *, is_suspended: bool
) -> CollectionStage:
    for kind, hold_stage in _HOLD_STAGES.items():
        if any(hold.kind is kind for hold in holds):
            return CollectionStage.SUSPENDED if is_suspended and hold_stage is CollectionStage.SUSPENSION else hold_stage
    if holds:
        return CollectionStage.ON_HOLD
    reached = [step for each in taken if (step := policy.find_step(each.step))]
    if not reached:
        first = next_step(policy, list(taken), due_date, today)
        reached = [first] if first else []
    return max(map(_find_step_stage, reached), key=_ORDER.index, default=CollectionStage.REMINDING)


def _find_step_stage(step: Step) -> CollectionStage:
    if step.act not in (StepAction.LETTER, StepAction.CALL):
        return CollectionStage.SUSPENSION
    if step.escalate_to:
        return CollectionStage.ESCALATED
    return CollectionStage.COURTESY if step.is_before_due else CollectionStage.REMINDING
