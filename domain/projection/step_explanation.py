"""Why a step of an invoice's timeline was taken when it was: worked out again from what was known just before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.clock import start_of_day
from domain.journal.account_entries import Told
from domain.journal.entry_kinds import EntryKind
from domain.policy.collection_policy import Policy, Step
from domain.projection.invoice_state import InvoiceReduction
from domain.projection.state_models import Policies
from domain.timeline.collection_clock import reaches


class Because(NamedTuple):
    """A word for the reason, the facts that its sentence speaks of, and the entries that prove it."""

    word: str
    facts: dict[str, Any]
    proof: list[Told]


def reduced(entries: Sequence[Told], invoice_id: str, policies: Policies, before: datetime | None = None) -> InvoiceReduction:
    """The invoice's case after those entries; of its later life nothing, if a moment is named."""
    case = InvoiceReduction(entries[0].case_id if entries else "", invoice_id, policies)
    for entry in entries:
        if before is None or entry.at < before:
            case.hear(entry)
    return case


def why_taken(entries: Sequence[Told], taken: Told, policies: Policies) -> Because:
    """`entries` are those of the invoice's case, `taken` the one among them that says that the step was taken."""
    earlier = [entry for entry in entries if entry.seq < taken.seq]
    known = reduced(earlier, taken.invoice_id or "", policies)
    said = pinned(known, earlier)
    step, policy = known.step(taken.text("step")), known.policy
    if step is None or policy is None or known.due_date is None:
        return Because("unexplained", said.facts, said.proof)
    reason = _reason(known, step, policy, earlier, taken)
    facts = said.facts | {"day": step.day, "days": -step.day, "due_date": known.due_date} | reason.facts
    return Because(reason.word, facts, [*said.proof, *reason.proof])


def pinned(known: InvoiceReduction, entries: Sequence[Told]) -> Because:
    """The policy that the case followed, and the entry that says so."""
    if known.pinned is None:
        return Because("", {}, [])
    said = known.pinned
    return Because(
        "", {"policy": said.name, "policy_version": said.version}, [entry for entry in entries if entry.seq == said.entry]
    )  # fmt: skip


def _reason(known: InvoiceReduction, step: Step, policy: Policy, earlier: Sequence[Told], taken: Told) -> Because:
    if step.before_due:
        return Because("before_due", {}, [])
    if known.hastened_at:
        hastened = [entry for entry in earlier if entry.kind == EntryKind.TIMELINE_HASTENED.value]
        return Because("hastened", {}, hastened[-1:])
    return what_put_off(known, step, policy, earlier, taken.at)


def what_put_off(known: InvoiceReduction, step: Step, policy: Policy, earlier: Sequence[Told], at: datetime) -> Because:
    """What kept a step of after the due date from its own day: nothing, the contact before it, time on hold, or a late beginning."""
    assert known.due_date is not None
    by_calendar = start_of_day(known.due_date).toordinal() + step.day
    on_the_clock = reaches(known.due_date, known.holds, step.day)
    last = known.taken[-1] if known.taken else None
    if last and last.contact_on.toordinal() + policy.catch_up_days > max(by_calendar, on_the_clock.toordinal()):
        proof = [entry for entry in earlier if entry.text("step") == last.step]
        return Because("catch_up", {"days": policy.catch_up_days, "since": last.contact_on}, proof[-1:])
    if on_the_clock.toordinal() > by_calendar:
        holds = [entry for entry in earlier if entry.kind in (EntryKind.HOLD_PLACED.value, EntryKind.HOLD_LIFTED.value)]
        return Because("held_before", {}, [entry for entry in holds if entry.at <= at][-2:])
    if at.toordinal() <= by_calendar:
        return Because("due_day", {}, [])
    begun = next((entry for entry in earlier if entry.kind == EntryKind.CASE_OPENED.value), None)
    if last is None and begun is not None and begun.at.toordinal() >= by_calendar:
        return Because("late_start", {"since": begun.on}, [begun])
    return Because("late", {}, [])
