"""An invoice's timeline as its page draws it: the steps taken, the one that comes next, and those after it."""

from datetime import date
from typing import Literal, NamedTuple

from adapters.read_model.invoices import InvoiceRow
from api.presenters.phrases import Phrases
from api.presenters.taken_steps import describe_account_step
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import CaseView
from domain.invoice.linked_cases import SUSPENSION_STEP_ACTS
from domain.policy.collection_policy import Policy, StepAction
from domain.timeline.step_schedule import TakenStep

StepPlace = Literal["taken", "next", "later", "passed", "spared"]


class TimelineStep(NamedTuple):
    """`on` is the day the customer heard of it, or shall. `spared`: the invoice was settled first. `passed`: it had lost its sense.
    `says`: what a step waits for that asked something of the account."""

    step: str
    day: int
    act: StepAction
    place: StepPlace
    on: date | None = None
    fate: str | None = None
    says: str | None = None


def build_timeline(row: InvoiceRow, policy: Policy | None, today: date, words: Phrases) -> list[TimelineStep]:
    case = row.case
    if case is None:
        return []
    taken = [_build_taken_step(past, row, case, words) for past in case.taken]
    reached = max((past.day for past in case.taken), default=None)
    names = {past.step for past in case.taken}
    coming = []
    for step in policy.timeline if policy else []:
        if step.step in names:
            continue
        if reached is not None and step.day <= reached:
            place: StepPlace = "passed"
        elif row.status != InvoiceStatus.OPEN or case.outcome:
            place = "spared"
        elif step.step == case.next_step:
            place = "next"
        else:
            place = "passed" if step.is_before_due and today > row.due_date else "later"
        coming.append(TimelineStep(step.step, step.day, step.act, place, case.next_on if place == "next" else None))
    return sorted([*taken, *coming], key=lambda each: each.day)


def _build_taken_step(past: TakenStep, row: InvoiceRow, case: CaseView, words: Phrases) -> TimelineStep:
    says = describe_account_step(past, case, row.suspension, words) if past.act in SUSPENSION_STEP_ACTS else None
    if past.in_doubt and row.is_letter_resent:
        says = words.taken["resent"]
    return TimelineStep(past.step, past.day, past.act, "taken", past.contact_on, past.fate, says)
