"""What an invoice's picture shows: its steps with their days, stopped clocks, and what people decided, each with a name and in words."""

from collections.abc import Iterable, Sequence
from datetime import date

from adapters.i18n.wording import fill_placeholders
from adapters.read_model.invoices import InvoiceRow
from adapters.read_model.journal import JournalLine
from api.console.invoice.picture import CourseEvent, MarkKind, Picture, StoppedSpan, draw_picture, estimate_day
from api.console.timeline import TimelineStep
from api.presenters.phrases import Phrases
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.letter_outcome import LetterResult
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.timeline.holds import HoldKind

BAD_FATES = frozenset({LetterResult.REFUSED.value, LetterResult.UNKNOWN.value})
SHOWN_KINDS: dict[EntryKind, tuple[str, MarkKind]] = {
    EntryKind.CALL_LOGGED: ("call", "person"),
    EntryKind.PROMISE_MADE: ("promise", "person"),
    EntryKind.PROMISE_KEPT: ("promise_kept", "money"),
    EntryKind.PROMISE_BROKEN: ("promise_broken", "person"),
    EntryKind.DISPUTE_OPENED: ("dispute", "person"),
    EntryKind.DISPUTE_CLOSED: ("dispute_over", "person"),
    EntryKind.ESCALATED: ("escalated", "person"),
    EntryKind.ESCALATION_ANSWERED: ("answered", "person"),
    EntryKind.LETTER_SKIPPED: ("skipped", "person"),
    EntryKind.PAYMENT_RECEIVED: ("paid", "money"),
    EntryKind.PAYMENT_REVERSED: ("payment_reversed", "money"),
    EntryKind.CREDIT_NOTE_ISSUED: ("credited", "money"),
    EntryKind.CREDIT_APPLIED: ("credited", "money"),
    EntryKind.INVOICE_CANCELLED: ("cancelled", "money"),
}
"""What stands beneath the line, each with the phrase that names it."""

BAD_KINDS = frozenset({EntryKind.PROMISE_BROKEN, EntryKind.PAYMENT_REVERSED})


def draw_course(
    row: InvoiceRow, steps: Sequence[TimelineStep], entries: Sequence[JournalLine], today: date, words: Phrases
) -> Picture | None:
    """`entries`: the case's own, the first one first. None before its collection has begun."""
    if row.case is None:
        return None
    due = CourseEvent(row.due_date, "money", words.picture["due"], words.picture["due"])
    return draw_picture([due, *list_course_events(row, steps, entries, words)], list_stopped_spans(row, entries, words), today)


def list_course_events(row: InvoiceRow, steps: Sequence[TimelineStep], entries: Sequence[JournalLine], words: Phrases) -> list[CourseEvent]:
    """What was done about the invoice, by itself and by people, and what comes next."""
    return [*_list_steps(row, steps, words), *_list_decisions(entries, words)]


def _list_steps(row: InvoiceRow, steps: Sequence[TimelineStep], words: Phrases) -> Iterable[CourseEvent]:
    next_step = next((step for step in steps if step.place == "next"), None)
    is_running = row.status == InvoiceStatus.OPEN and row.case is not None and not row.case.holds
    for step in steps:
        name = words.steps.get(step.step, step.step)
        if step.place == "taken" and step.on:
            yield CourseEvent(step.on, "taken", name, f"{name}, {words.shared.format_day(step.on)}", step.fate in BAD_FATES)
        elif is_running and next_step and next_step.on and step.place in ("next", "later"):
            on = step.on or estimate_day(next_step.on, next_step.day, step.day)
            sentence = words.picture["next_on" if step.place == "next" else "later_on"]
            told = fill_placeholders(sentence, {"step": name, "day": words.shared.format_day(on)})
            yield CourseEvent(on, "next" if step.place == "next" else "later", name, told)


def _list_decisions(entries: Sequence[JournalLine], words: Phrases) -> Iterable[CourseEvent]:
    for line in entries:
        known = EntryKind(line.kind) if line.kind in SHOWN_KINDS else None
        if known is None:
            continue
        phrase, kind = SHOWN_KINDS[known]
        name = words.picture[phrase]
        label = name if line.actor == SYSTEM else f"{name} · {line.actor}"
        told = f"{words.shared.format_day(line.business_at.date())}: {words.render_entry(line.kind, line.told_facts, line.currency)}"
        yield CourseEvent(line.business_at.date(), kind, label, told, known in BAD_KINDS)


def list_stopped_spans(row: InvoiceRow, entries: Sequence[JournalLine], words: Phrases) -> list[StoppedSpan]:
    """When its clock stood still, and for what."""
    begun: dict[str, JournalLine] = {}
    spans = []
    broken = [line.business_at.date() for line in entries if line.kind == EntryKind.PROMISE_BROKEN]
    for line in entries:
        hold = str(line.facts.get("hold", ""))
        if line.kind == EntryKind.HOLD_PLACED:
            begun.setdefault(hold, line)
        elif line.kind == EntryKind.HOLD_LIFTED and hold in begun:
            spans.append(_build_span(begun.pop(hold), line.business_at.date(), broken, words))
    settled = row.settled_on if row.status != InvoiceStatus.OPEN else None
    return [*spans, *(_build_span(line, settled, broken, words) for line in begun.values())]


def _build_span(placed: JournalLine, end: date | None, broken: Sequence[date], words: Phrases) -> StoppedSpan:
    start, kind = placed.business_at.date(), str(placed.facts.get("hold_kind", ""))
    last = max(start, end) if end else None
    is_bad = kind == HoldKind.PROMISE and last is not None and any(start <= day <= last for day in broken)
    return StoppedSpan(start, last, words.translate("holds", kind), is_bad)
