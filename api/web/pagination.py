"""Pages of lists: how many rows, and the cursor after them."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from adapters.read_model.cursors import MAX_CURSOR_LENGTH

Item = TypeVar("Item")


Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]


Cursor = Annotated[str | None, Query(max_length=MAX_CURSOR_LENGTH, description="`next` of the page before")]


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next: str | None = Field(default=None, description="the cursor of the next page; null at the end")
