"""Cursors of lists: a cursor names the last row shown, so that rows which come or go meanwhile never shift the next page."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from domain.errors import UserError

Row = TypeVar("Row")

CursorPosition = tuple[str | int, ...]
"""The values of the list's sort key in one row."""


class UnknownCursorError(UserError):
    """A cursor that no list of Duecourse gave."""

    title = "The request cannot be read"
    status = 422
    problem_type = "invalid"
    pointer = "cursor"

    def __init__(self) -> None:
        super().__init__("this cursor is not one of ours; leave it out to begin at the first page")


def encode_cursor(position: CursorPosition) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type) -> CursorPosition | None:
    """Where to go on. Raises UnknownCursorError for a cursor that no list gave."""
    if cursor is None:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise UnknownCursorError() from error
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds):
        raise UnknownCursorError()
    return tuple(place)


def paginate_rows(rows: Sequence[Row], limit: int, position_of: Callable[[Row], CursorPosition]) -> tuple[Sequence[Row], str | None]:
    """The rows to show of `limit` + 1 that were read, and the cursor after them."""
    shown = rows[:limit]
    return shown, encode_cursor(position_of(shown[-1])) if len(rows) > limit else None
