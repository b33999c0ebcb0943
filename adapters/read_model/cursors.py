"""Cursors of lists: a cursor names the last row shown, so that rows which come or go meanwhile never shift the next page."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import Any, TypeVar

from domain.errors import UserError

Row = TypeVar("Row")

CursorPosition = tuple[str | int, ...]
"""The values of the list's sort key in one row."""


MAX_CURSOR_LENGTH = 4_000
"""Longer than any list's: the longest names and ids, each sign of four bytes, and base64's third."""
_LARGEST_NUMBER = 2**63 - 1


class UnknownCursorError(UserError):
    """A cursor that no list of Duecourse gave."""

    title = "The request cannot be read"
    status = 422
    problem_type = "invalid"
    pointer = "cursor"

    def __init__(self) -> None:
        super().__init__("this cursor is not one of ours; leave it out to begin at the first page")


def encode_cursor(position: CursorPosition) -> str:
    return base64.urlsafe_b64encode(json.dumps(position, ensure_ascii=False).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Where to go on: a value of each of the `kinds`, of which a date or a time is written in ISO 8601.

    Raises UnknownCursorError for a cursor that no list gave.
    """
    if cursor is None:
        return None
    if len(cursor) > MAX_CURSOR_LENGTH:
        raise UnknownCursorError()
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(place, list) or len(place) != len(kinds):
            raise UnknownCursorError()
        return tuple(_parse_part(part, kind) for part, kind in zip(place, kinds, strict=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise UnknownCursorError() from error


def _parse_part(part: object, kind: type) -> str | int | date:
    """Raises ValueError."""
    if kind is int:
        if type(part) is int and abs(part) <= _LARGEST_NUMBER:
            return part
        raise ValueError(f"{part!r} is no number of a row")
    if not isinstance(part, str) or "\0" in part:
        raise ValueError(f"{part!r} is no text")
    part.encode()
    if kind is date:
        return date.fromisoformat(part)
    if kind is datetime:
        return _require_countable(datetime.fromisoformat(part))
    return part


def _require_countable(moment: datetime) -> datetime:
    """Raises ValueError for a time so near to the calendar's ends that another time zone might have none."""
    if not MINYEAR + 1 <= moment.year <= MAXYEAR - 1:
        raise ValueError(f"{moment} is no time of a row")
    return moment


def paginate_rows(rows: Sequence[Row], limit: int, position_of: Callable[[Row], CursorPosition]) -> tuple[Sequence[Row], str | None]:
    """The rows to show of `limit` + 1 that were read, and the cursor after them."""
    shown = rows[:limit]
    return shown, encode_cursor(position_of(shown[-1])) if len(rows) > limit else None
