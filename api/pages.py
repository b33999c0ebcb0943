"""Cursor pages: a cursor names the last row shown, so that rows which come or go meanwhile never shift the next page."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from api.problems import Problem, invalid

Item = TypeVar("Item")
Row = TypeVar("Row")
Place = tuple[str | int, ...]

Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next: str | None = Field(default=None, description="the cursor of the next page; null at the end")


def cursor_at(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place_of(cursor: str | None, *kinds: type) -> Place | None:
    """Where to go on. Raises Problem for a cursor that did not come from us."""
    if cursor is None:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _foreign() from error
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds):
        raise _foreign()
    return tuple(place)


def paged(rows: Sequence[Row], limit: int, place: Callable[[Row], Place]) -> tuple[Sequence[Row], str | None]:
    """The rows to show of `limit` + 1 that were read, and the cursor after them."""
    shown = rows[:limit]
    return shown, cursor_at(place(shown[-1])) if len(rows) > limit else None


def _foreign() -> Problem:
    return invalid("cursor", "this cursor is not one of ours; leave it out to begin at the first page")
