"""An account's open invoices in their course, each a lane of one picture: letters, calls, money, stopped clocks, and what comes next."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from adapters.i18n.formatting import format_localised_date
from adapters.read_model.invoices import InvoiceRow
from adapters.read_model.journal import JournalLine, list_entries_of_cases
from api.commands.live_invoice import build_policy_reader
from api.console.invoice.course import SHOWN_KINDS, list_course_events, list_stopped_spans
from api.console.invoice.picture import CHARACTER, CourseEvent, MarkKind, Shade, StoppedSpan, draw_shade, list_drawn_days
from api.console.invoice.time_scale import TimeScale
from api.console.timeline import build_timeline
from api.context import ApiContext
from api.presenters.phrases import Phrases
from domain.billing.billing_events import InvoiceStatus
from domain.identifiers import invoice_case_id
from domain.journal.entry_kinds import EntryKind
from domain.policy.collection_policy import Policy

MAX_LANES = 12
WIDTH, HEIGHT, AXIS = 560, 22, 11
"""Of one lane."""

LEFT, RIGHT = 7, 553
MARK_WIDTH, LABEL_INDENT = 6.5, 7
MONTH_ROOM = 46
"""The name of a month has so much room at least, and as much beside that of today."""

DRAWN_KINDS = frozenset({*SHOWN_KINDS, EntryKind.HOLD_PLACED, EntryKind.HOLD_LIFTED})
WEIGHTS: dict[MarkKind, int] = {"money": 4, "person": 3, "taken": 2, "next": 1, "later": 0}
"""Of several things of one day one is drawn, the heaviest; the mark tells all of them."""


class LaneMark(NamedTuple):
    """What is of one day."""

    x: float
    kind: MarkKind
    is_bad: bool
    told: str


class Lane(NamedTuple):
    """`begins`: where the invoice falls due, or what comes before that."""

    row: InvoiceRow
    begins: float
    marks: list[LaneMark]
    shades: list[Shade]


class Month(NamedTuple):
    x: float
    name: str


class AccountCourse(NamedTuple):
    """Lanes on one scale of time, the oldest due date first. `more`: so many open invoices have no lane here. `is_drawn_short`: long quiet
    spans are."""

    lanes: list[Lane]
    months: list[Month]
    today_x: float
    first: date
    last: date
    is_drawn_short: bool
    more: int


class _Course(NamedTuple):
    row: InvoiceRow
    events: list[CourseEvent]
    spans: list[StoppedSpan]


def draw_account_course(context: ApiContext, rows: Iterable[InvoiceRow], words: Phrases) -> AccountCourse | None:
    """Draw the open ones among an account's invoices; None where there are none, or the collection of none has begun."""
    still_open = sorted((row for row in rows if row.status == InvoiceStatus.OPEN and row.case), key=lambda row: (row.due_date, row.id))
    if not still_open:
        return None
    shown, today = still_open[:MAX_LANES], context.today
    courses = _load_courses(context, shown, words)
    days = {row.due_date for row in shown}.union(*(list_drawn_days(each.events, each.spans, today) for each in courses))
    scale = TimeScale(days, LEFT, RIGHT)
    return AccountCourse(
        lanes=[_draw_lane(each, scale, today) for each in courses],
        months=_name_months(scale, today, words.shared.locale),
        today_x=scale.find_x(today),
        first=scale.days[0],
        last=scale.days[-1],
        is_drawn_short=bool(scale.list_gaps()),
        more=len(still_open) - len(shown),
    )


def _load_courses(context: ApiContext, rows: Sequence[InvoiceRow], words: Phrases) -> list[_Course]:
    entries = list_entries_of_cases(context.database, [invoice_case_id(row.id) for row in rows], DRAWN_KINDS)
    find_policy = build_policy_reader(context)
    return [_build_course(row, find_policy(row.case), entries.get(invoice_case_id(row.id), []), context.today, words) for row in rows]


def _build_course(row: InvoiceRow, policy: Policy | None, entries: Sequence[JournalLine], today: date, words: Phrases) -> _Course:
    steps = build_timeline(row, policy, today, words)
    spans = [_name_span(span, row, words) for span in list_stopped_spans(row, entries, words)]
    return _Course(row, list_course_events(row, steps, entries, words), spans)


def _name_span(span: StoppedSpan, row: InvoiceRow, words: Phrases) -> StoppedSpan:
    """With how much is disputed, while it is; with a sign where a promise was not kept."""
    if span.is_bad:
        return span._replace(label=f"{span.label} ✕")
    dispute = row.dispute
    if dispute and span.end is None and span.start == dispute.raised_on:
        return span._replace(label=f"{span.label} {words.shared.format_money(dispute.contested, row.currency)}")
    return span


def _draw_lane(course: _Course, scale: TimeScale, today: date) -> Lane:
    events = sorted(course.events, key=lambda event: event.on)
    marks = [_draw_mark(list(of_day), scale.find_x(day)) for day, of_day in groupby(events, key=lambda event: event.on)]
    begins = min([scale.find_x(course.row.due_date), *(mark.x for mark in marks)])
    shades = [_clear_label(draw_shade(span, scale, today), marks) for span in course.spans]
    return Lane(course.row, begins, marks, shades)


def _clear_label(shade: Shade, marks: Sequence[LaneMark]) -> Shade:
    """Where a mark would lie on its label, it has none; pointed at, it says it all the same."""
    begins, ends = shade.x + MARK_WIDTH, shade.x + LABEL_INDENT + len(shade.label) * CHARACTER
    return shade._replace(label="") if any(begins < mark.x < ends + MARK_WIDTH for mark in marks) else shade


def _draw_mark(events: Sequence[CourseEvent], x: float) -> LaneMark:
    heaviest = max(events, key=lambda event: (event.is_bad, WEIGHTS[event.kind]))
    return LaneMark(x, heaviest.kind, heaviest.is_bad, "; ".join(dict.fromkeys(event.told for event in events)))


def _name_months(scale: TimeScale, today: date, locale: str) -> list[Month]:
    """Where months begin, as many as have room beside each other and beside today."""
    months: list[Month] = []
    today_x = scale.find_x(today)
    for first in _list_month_starts(scale.days[0], scale.days[-1]):
        x = scale.find_x(first)
        if abs(x - today_x) >= MONTH_ROOM and x <= RIGHT - MONTH_ROOM / 2 and (not months or x - months[-1].x >= MONTH_ROOM):
            months.append(Month(x, format_localised_date(first, "LLL", locale)))
    return months


def _list_month_starts(first: date, last: date) -> Iterable[date]:
    """The first day that is drawn, and the first of every month after it."""
    day = first
    while day <= last:
        yield day
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
