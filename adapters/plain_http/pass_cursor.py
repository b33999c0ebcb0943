"""Where the reading of an API's changes stands.

A pass goes through what was changed since one moment. Where the list comes in the order of its changes, each page is asked for by the
moment of the last row before it: what changes meanwhile moves to the end, and nothing that is deleted moves another row out of sight. Where
it does not, or many rows have one moment, the next page is asked for by its place; if rows moved in the meantime, the pass is gone through
again.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from adapters.billing.json_values import JsonFaultError

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENTS = frozenset({"since", "start", "began", "newest", "end", "end_seen"})
_LATEST_SECONDS = 253_402_300_799
"""The last second that Python knows, in the year 9999."""


class PassCursor(NamedTuple):
    """`since`: the moment since which changes are asked for; None: from the first. `place`: of the next page; None: the first. `last`: the
    id of the row before it; `skipped`: how many of its rows were read already, before the system went away.

    `start`: since when the pass asks. `began`: when it did; None between passes. `has_moved`: a row was changed after that, or is no longer
    where it was. `went_by_place`: a page with rows was asked for by its place. `passes`: how often the same was gone through before.
    `rows`: of the pass, and the `newest` change of them. `end`: the latest change when nothing more was there, first seen so at `end_seen`.
    """

    since: datetime | None = None
    place: str | None = None
    last: str | None = None
    skipped: int = 0
    start: datetime | None = None
    began: datetime | None = None
    has_moved: bool = False
    went_by_place: bool = False
    passes: int = 0
    rows: int = 0
    newest: datetime | None = None
    end: datetime | None = None
    end_seen: datetime | None = None

    @classmethod
    def parse(cls, text: str | None) -> "PassCursor":
        if text is None:
            return cls()
        said: dict[str, Any] = json.loads(text)
        moments: dict[str, Any] = {name: datetime.fromisoformat(said[name]) for name in _MOMENTS & said.keys()}
        return cls(**{**said, **moments})

    def __str__(self) -> str:
        return json.dumps(
            {name: value.isoformat() if isinstance(value, datetime) else value for name, value in self._asdict().items() if value}
        )

    def begin(self, at: datetime) -> "PassCursor":
        return self if self.began else self._replace(start=self.since, began=at)

    def follow_row(self, newest: datetime) -> "PassCursor":
        """The next page is what was changed since the last row of this one."""
        return self._replace(since=newest, place=None, last=None, skipped=0)

    def follow_place(self, place: str, last: str | None) -> "PassCursor":
        return self._replace(place=place, last=last, skipped=0)

    def repeat(self) -> "PassCursor":
        return PassCursor(since=self.start, passes=self.passes + 1, end=self.end, end_seen=self.end_seen)

    def rest(self, now: datetime, overlap: timedelta) -> "PassCursor":
        """Nothing more is there. What was changed in the last minutes is asked for again, until no change of them can come any more; and in
        as many before as the pass took, with all interruptions: what one of its pages passed may have come since."""
        newest = max((moment for moment in (self.newest, self.end) if moment is not None), default=None)
        if newest is None:
            return PassCursor(since=self.start)
        seen = self.end_seen if newest == self.end and self.end_seen else now
        began = self.began or now
        since = newest if began - seen > overlap else newest - overlap - max(now - began, timedelta())
        return PassCursor(since=max(since, _BEGINNING), end=newest, end_seen=seen)


def parse_moment(value: Any, written: str) -> datetime:
    """A moment as the API writes it: ISO 8601, of which none without a zone is known to be other than UTC, or seconds since 1970. Raises
    JsonFaultError."""
    if written == "iso":
        if isinstance(value, str) and value.isascii():
            try:
                moment = datetime.fromisoformat(value)
                return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
            except (ValueError, OverflowError):
                pass
        raise JsonFaultError("is no moment such as 2026-11-30T12:00:00Z")
    per_second = 1_000 if written == "milliseconds" else 1
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value // per_second <= _LATEST_SECONDS:
        return datetime.fromtimestamp(value // per_second, UTC) + timedelta(milliseconds=value % per_second)
    raise JsonFaultError(f"is no number of {written} since 1970")


def write_moment(moment: datetime, written: str) -> str:
    if written == "iso":
        return moment.isoformat().replace("+00:00", "Z")
    return str(int(moment.timestamp() * (1_000 if written == "milliseconds" else 1)))
