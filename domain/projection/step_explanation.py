"""The reason why a step of an invoice's timeline was taken when it was, derived from what was known just before."""

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
    """A word for the reason, the facts for its sentence, and the entries that prove it."""

    word: str
    facts: dict[str, Any]
    proof: list[AccountEntry]


def project_invoice(
    entries: Sequence[AccountEntry], invoice_id: str, policies: PoliciesByVersion, before: datetime | None = None
) -> InvoiceProjection:
    """Project the invoice's case from those entries; only from those of before a moment of business time (UTC), if one is given."""
    invoice = InvoiceProjection(entries[0].case_id if entries else "", invoice_id, policies)
    for entry in entries:
        if before is None or entry.at < before:
            invoice.apply_entry(entry)
    return invoice


def explain_taken_step(entries: Sequence[AccountEntry], taken: AccountEntry, policies: PoliciesByVersion) -> StepReason:
    """Explain a step that was taken. `entries` are those of the invoice's case, `taken` the one among them that records the step."""
    earlier = [entry for entry in entries if entry.seq < taken.seq]
    invoice = project_invoice(earlier, taken.invoice_id or "", policies)
    pinned = explain_pinned_policy(invoice, earlier)
    step, policy = invoice.find_step(taken.get_text("step")), invoice.policy
    if step is None or policy is None or invoice.due_date is None:
        return StepReason("unexplained", pinned.facts, pinned.proof)
    reason = _find_reason(invoice, step, policy, earlier, taken)
    facts = pinned.facts | {"day": step.day, "days": -step.day, "due_date": invoice.due_date} | reason.facts
    return StepReason(reason.word, facts, [*pinned.proof, *reason.proof])


def explain_pinned_policy(invoice: InvoiceProjection, entries: Sequence[AccountEntry]) -> StepReason:
    """Return the name and version of the policy that the case followed, with the entry that proves it."""
    policy = invoice.pinned_policy
    if policy is None:
        return StepReason("", {}, [])
    proof = [entry for entry in entries if entry.seq == policy.entry]
    return StepReason("", {"policy": policy.name, "policy_version": policy.version}, proof)


def _find_reason(
    invoice: InvoiceProjection, step: Step, policy: Policy, earlier: Sequence[AccountEntry], taken: AccountEntry
) -> StepReason:
    if step.is_before_due:
        return StepReason("before_due", {}, [])
    if invoice.hastened_at:
        hastened = [entry for entry in earlier if entry.kind == EntryKind.TIMELINE_HASTENED.value]
        return StepReason("hastened", {}, hastened[-1:])
    return explain_postponement(invoice, step, policy, earlier, taken.at)


def explain_postponement(
    invoice: InvoiceProjection, step: Step, policy: Policy, earlier: Sequence[AccountEntry], at: datetime
) -> StepReason:
    """Explain why a step of after the due date did not come on its own day: nothing, the contact before it, time on hold, a late start."""
    assert invoice.due_date is not None
    calendar_day = start_of_day(invoice.due_date).toordinal() + step.day
    clock_day = find_time_of_clock_day(invoice.due_date, invoice.holds, step.day).toordinal()
    last_step = invoice.taken_steps[-1] if invoice.taken_steps else None
    if last_step and last_step.contact_on.toordinal() + policy.catch_up_days > max(calendar_day, clock_day):
        proof = [entry for entry in earlier if entry.get_text("step") == last_step.step]
        return StepReason("catch_up", {"days": policy.catch_up_days, "since": last_step.contact_on}, proof[-1:])
    if clock_day > calendar_day:
        holds = [entry for entry in earlier if entry.kind in (EntryKind.HOLD_PLACED.value, EntryKind.HOLD_LIFTED.value)]
        return StepReason("held_before", {}, [entry for entry in holds if entry.at <= at][-2:])
    if at.toordinal() <= calendar_day:
        return StepReason("due_day", {}, [])
    opened = next((entry for entry in earlier if entry.kind == EntryKind.CASE_OPENED.value), None)
    if last_step is None and opened is not None and opened.at.toordinal() >= calendar_day:
        return StepReason("late_start", {"since": opened.business_date}, [opened])
    return StepReason("late", {}, [])
