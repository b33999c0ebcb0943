"""Reading on in order of change, where a system says by whole seconds when that was, and many have one second.

What was changed in the last second of a full page is left for the next, for there may be more of it; a second that fills a page alone is
read by id. A second that is read, and some minutes before it, are read again until no change that had begun by then can come. Those minutes
are longer by what the pages took, with all interruptions: what a page passed may have come since.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

OVERLAP = timedelta(minutes=10)
"""How long a change may take from its moment, which is when it began, until it can be seen."""
SECOND = timedelta(seconds=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class SecondCursor(NamedTuple):
    """What is read next: changes at `at` or later; where `after` is given, those of this second alone, with higher ids. `end` is the latest
    change that was there when nothing more was, first seen so at `end_seen` by the server's clock. `began`: when the first of the pages was
    read of which there is more, by that clock; None where none was."""

    at: datetime
    after: str | None
    end: datetime
    end_seen: datetime
    began: datetime | None = None

    @classmethod
    def parse(cls, text: str | None) -> "SecondCursor":
        if text is None:
            return cls(_BEGINNING, None, _BEGINNING, _BEGINNING)
        at, after, end, end_seen, *began = json.loads(text)
        moments = (datetime.fromisoformat(moment) for moment in (end, end_seen, *began))
        return cls(datetime.fromisoformat(at), after, *moments)

    def __str__(self) -> str:
        began = () if self.began is None else (self.began.isoformat(),)
        return json.dumps([self.at.isoformat(), self.after, self.end.isoformat(), self.end_seen.isoformat(), *began])

    @property
    def is_beginning(self) -> bool:
        return self.at <= _BEGINNING and self.after is None


class SecondPage(NamedTuple):
    """How many of the changes that were found are taken now, and where to read on."""

    taken: int
    cursor: SecondCursor
    has_more: bool


def take_page(cursor: SecondCursor, found: Sequence[tuple[datetime, str]], limit: int, now: datetime) -> SecondPage:
    """`found`: moment and id of at most `limit` changes, in their order; by id, where the cursor is inside a second. `now`: the server's
    time."""
    is_full = len(found) >= limit
    cursor = cursor._replace(began=cursor.began or now)
    if cursor.after is not None:
        following = cursor._replace(after=found[-1][1]) if is_full else cursor._replace(at=cursor.at + SECOND, after=None)
        return SecondPage(len(found), following, has_more=True)
    if not is_full:
        newest = max(cursor.end, _floor(found[-1][0]) if found else cursor.at - SECOND)
        return SecondPage(len(found), _rest(cursor, newest, now), has_more=False)
    last = _floor(found[-1][0])
    taken = sum(_floor(moment) < last for moment, _ in found)
    return SecondPage(taken, cursor._replace(at=last, after=None if taken else ""), has_more=True)


def _rest(cursor: SecondCursor, newest: datetime, now: datetime) -> SecondCursor:
    """There is nothing more. The server's clock and that of the changes may differ: only how long the pages took is known of both."""
    began = cursor.began or now
    if newest == cursor.end and began - cursor.end_seen > OVERLAP:
        return cursor._replace(at=newest + SECOND, began=None)
    seen = cursor.end_seen if newest == cursor.end else now
    took = max(now - began, timedelta())
    return SecondCursor(max(newest - OVERLAP - took, _BEGINNING), None, newest, seen)


def _floor(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
