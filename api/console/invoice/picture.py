"""An invoice's course as a picture: steps on a line of time, stopped clocks as shaded spans, what people decided beneath. Long quiet
spans are drawn short, for a course lasts months. Pure geometry: what stands in the picture is said by `course.py`."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

from api.console.invoice.time_scale import Gap, TimeScale

WIDTH = 960
AXIS = 104
"""The height of the line of time, from the top."""

LEFT, RIGHT = 28, 932
CHARACTER = 6.1
"""The width of a letter in a label, about."""

FOOT = 30
"""Below all that, for the days."""

ABOVE, BELOW = (78, 56, 34), (152, 174, 196)
"""The heights at which labels may stand, the nearest to the line first."""

MarkKind = Literal["taken", "next", "later", "person", "money"]


class CourseEvent(NamedTuple):
    """Something of a day. `label` is short, `told` says all of it; `is_bad`: it did not arrive, or was not kept."""

    on: date
    kind: MarkKind
    label: str
    told: str
    is_bad: bool = False


class StoppedSpan(NamedTuple):
    """Days on which the clock stood still; `end` is None while it does. `is_bad`: for a promise that was not kept."""

    start: date
    end: date | None
    label: str
    is_bad: bool = False


class Mark(NamedTuple):
    """`label_y` is None where there is no room for a label: its point tells it all the same."""

    x: float
    y: int
    event: CourseEvent
    label_x: float
    label_y: int | None
    anchor: Literal["start", "end"]


class Shade(NamedTuple):
    x: float
    width: float
    label: str
    """Empty where it does not fit."""

    span: StoppedSpan


class Tick(NamedTuple):
    x: float
    on: date


class Picture(NamedTuple):
    """In units of its own, WIDTH by `height`: as high as what stands below the line needs."""

    marks: list[Mark]
    shades: list[Shade]
    ticks: list[Tick]
    gaps: list[Gap]
    today_x: float
    height: int
    first: date
    last: date


def list_drawn_days(events: Iterable[CourseEvent], spans: Sequence[StoppedSpan], today: date) -> set[date]:
    """The days on which something is, with today."""
    return {today, *(event.on for event in events), *(span.start for span in spans), *(span.end for span in spans if span.end)}


def draw_picture(events: Sequence[CourseEvent], spans: Sequence[StoppedSpan], today: date) -> Picture:
    """Lay the events out on a line of time that has today on it."""
    scale = TimeScale(list_drawn_days(events, spans, today), LEFT, RIGHT)
    above = [event for event in events if event.kind in ("taken", "next", "later")]
    below = [event for event in events if event.kind not in ("taken", "next", "later")]
    shades = [draw_shade(span, scale, today) for span in spans]
    marks_below = _place(below, scale, AXIS + 26, BELOW)
    return Picture(
        marks=[*_place(above, scale, AXIS, ABOVE), *marks_below],
        shades=shades,
        ticks=_list_ticks(scale),
        gaps=scale.list_gaps(),
        today_x=scale.find_x(today),
        height=max([AXIS + 18, *(mark.label_y for mark in marks_below if mark.label_y)]) + FOOT,
        first=scale.days[0],
        last=scale.days[-1],
    )


def _list_ticks(scale: TimeScale) -> list[Tick]:
    """The days that are written under the picture: as many as have room."""
    ticks: list[Tick] = []
    for day in scale.days:
        x = scale.find_x(day)
        if not ticks or x - ticks[-1].x >= (84 if x <= WIDTH - 80 else 160):
            ticks.append(Tick(x, day))
    return ticks


def draw_shade(span: StoppedSpan, scale: TimeScale, today: date) -> Shade:
    """A span that has not ended is shaded up to today."""
    x = scale.find_x(span.start)
    end = scale.find_x(span.end or max(today, span.start))
    width = max(end - x, 4.0)
    return Shade(x, round(width, 1), span.label if len(span.label) * CHARACTER + 8 <= width else "", span)


def _place(events: Iterable[CourseEvent], scale: TimeScale, y: int, heights: Sequence[int]) -> list[Mark]:
    """Put each label at the nearest height at which it covers no other."""
    ends = dict.fromkeys(heights, float("-inf"))
    marks = []
    for event in sorted(events, key=lambda event: event.on):
        x, width = scale.find_x(event.on), len(event.label) * CHARACTER
        anchor: Literal["start", "end"] = "start" if x + width <= WIDTH - 6 else "end"
        begins, stops = (x, x + width) if anchor == "start" else (x - width, x)
        height = next((height for height in heights if begins >= ends[height] + 8), None)
        if height is not None:
            ends[height] = stops
        marks.append(Mark(x, y, event, x, height, anchor))
    return marks


def estimate_day(next_on: date, next_day: int, day: int) -> date:
    """The day of a step further on, if nothing stops the clock: as many days after the next step as the policy has between them."""
    return next_on + timedelta(days=max(day - next_day, 0))
