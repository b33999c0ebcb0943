"""A line of time on which long quiet spans are drawn short, for a course lasts months."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from math import log2
from typing import NamedTuple

QUIET_DAYS = 10
"""A span without anything is drawn at full length up to here; what is longer grows by its logarithm."""

SKIPPED_DAYS = 24
"""From here on a quiet span is marked as drawn short."""

MOST_PER_DAY = 26


class Gap(NamedTuple):
    """A quiet span that is drawn short."""

    x: float
    days: int


class TimeScale:
    """Where each day stands from left to right."""

    def __init__(self, days: Iterable[date], left: float, right: float, most_per_day: float = MOST_PER_DAY) -> None:
        """`days`: those on which something is, in any order; at least one."""
        self.days = sorted(set(days))
        lengths = [_draw_short((later - day).days) for day, later in pairwise(self.days)]
        per_day = min((right - left) / max(sum(lengths), 1), most_per_day)
        self._places = [float(left)]
        for length in lengths:
            self._places.append(self._places[-1] + length * per_day)

    def find_x(self, day: date) -> float:
        """A day between two on which something is stands between them; one beside the line, at its end."""
        place = min(max(bisect_right(self.days, day) - 1, 0), len(self.days) - 1)
        x = self._places[place]
        if place + 1 < len(self.days) and day > self.days[place]:
            share = (day - self.days[place]).days / (self.days[place + 1] - self.days[place]).days
            x += share * (self._places[place + 1] - x)
        return round(x, 1)

    def list_gaps(self) -> list[Gap]:
        found = []
        for place, (day, later) in enumerate(pairwise(self.days)):
            if (later - day).days >= SKIPPED_DAYS:
                found.append(Gap(round((self._places[place] + self._places[place + 1]) / 2, 1), (later - day).days))
        return found


def _draw_short(days: int) -> float:
    return days if days <= QUIET_DAYS else QUIET_DAYS + 4 * log2(days / QUIET_DAYS)
