"""Why a step of an invoice's timeline was taken when it was: worked out again from what was known just before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.clock import start_of_day
from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind
from domain.policy.collection_policy import Policy, Step
from domain.projection.invoice_state import InvoiceProjection
from domain.projection.state_models import PoliciesByVersion
from domain.timeline.collection_clock import find_time_of_clock_day


class StepReason(NamedTuple):
    """A word for the reason, the facts that its sentence speaks of, and the entries that prove it."""

    word: str
    facts: dict[str, Any]
    proof: list[AccountEntry]


def project_invoice(
    entries: Sequence[AccountEntry], invoice_id: str, policies: PoliciesByVersion, before: datetime | None = None
) -> InvoiceProjection:
    """The invoice's case after those entries; of its later life nothing, if a moment is named."""
    case = InvoiceProjection(entries[0].case_id if entries else "", invoice_id, policies)
    for entry in entries:
        if before is None or entry.at < before:
            case.apply_entry(entry)
    return case


def explain_taken_step(entries: Sequence[AccountEntry], taken: AccountEntry, policies: PoliciesByVersion) -> StepReason:
    """`entries` are those of the invoice's case, `taken` the one among them that says that the step was taken."""
    earlier = [entry for entry in entries if entry.seq < taken.seq]
    known = project_invoice(earlier, taken.invoice_id or "", policies)
    said = explain_pinned_policy(known, earlier)
    step, policy = known.find_step(taken.get_text("step")), known.policy
    if step is None or policy is None or known.due_date is None:
        return StepReason("unexplained", said.facts, said.proof)
    reason = _find_reason(known, step, policy, earlier, taken)
    facts = said.facts | {"day": step.day, "days": -step.day, "due_date": known.due_date} | reason.facts
    return StepReason(reason.word, facts, [*said.proof, *reason.proof])


def explain_pinned_policy(known: InvoiceProjection, entries: Sequence[AccountEntry]) -> StepReason:
    """The policy that the case followed, and the entry that says so."""
    if known.pinned_policy is None:
        return StepReason("", {}, [])
    said = known.pinned_policy
    return StepReason("", {"policy": said.name, "policy_version": said.version}, [entry for entry in entries if entry.seq == said.entry])


def _find_reason(known: InvoiceProjection, step: Step, policy: Policy, earlier: Sequence[AccountEntry], taken: AccountEntry) -> StepReason:
    if step.is_before_due:
        return StepReason("before_due", {}, [])
    if known.hastened_at:
        hastened = [entry for entry in earlier if entry.kind == EntryKind.TIMELINE_HASTENED.value]
        return StepReason("hastened", {}, hastened[-1:])
    return explain_postponement(known, step, policy, earlier, taken.at)


def explain_postponement(known: InvoiceProjection, step: Step, policy: Policy, earlier: Sequence[AccountEntry], at: datetime) -> StepReason:
    """What kept a step of after the due date from its own day: nothing, the contact before it, time on hold, or a late beginning."""
    assert known.due_date is not None
    by_calendar = start_of_day(known.due_date).toordinal() + step.day
    on_the_clock = find_time_of_clock_day(known.due_date, known.holds, step.day)
    last = known.taken_steps[-1] if known.taken_steps else None
    if last and last.contact_on.toordinal() + policy.catch_up_days > max(by_calendar, on_the_clock.toordinal()):
        proof = [entry for entry in earlier if entry.get_text("step") == last.step]
        return StepReason("catch_up", {"days": policy.catch_up_days, "since": last.contact_on}, proof[-1:])
    if on_the_clock.toordinal() > by_calendar:
        holds = [entry for entry in earlier if entry.kind in (EntryKind.HOLD_PLACED.value, EntryKind.HOLD_LIFTED.value)]
        return StepReason("held_before", {}, [entry for entry in holds if entry.at <= at][-2:])
    if at.toordinal() <= by_calendar:
        return StepReason("due_day", {}, [])
    begun = next((entry for entry in earlier if entry.kind == EntryKind.CASE_OPENED.value), None)
    if last is None and begun is not None and begun.at.toordinal() >= by_calendar:
        return StepReason("late_start", {"since": begun.business_date}, [begun])
    return StepReason("late", {}, [])
