"""What an address says of a list: how it is narrowed and sorted, and which columns it shows. The address is the view."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from api.console.lists.console_list import Choice, ConsoleList, PageRequest, Values
from api.context import ApiContext
from api.presenters.phrases import Phrases
from api.web.problems import invalid_request_problem

MAX_TEXT = 100
SORT, COLUMN, CURSOR = "sort", "column", "cursor"
ANY = "any"
"""Chooses nothing where a filter has a default: all there are."""


class ListState(NamedTuple):
    """`values`: what the address sets, and the defaults of what it leaves out; `given`: what it sets. `columns`: those shown, in the list's
    order."""

    console_list: ConsoleList
    values: Values
    given: Values
    sort: str
    is_descending: bool
    columns: Sequence[str]
    cursor: str | None

    @property
    def sort_text(self) -> str:
        return f"-{self.sort}" if self.is_descending else self.sort

    @property
    def query(self) -> str:
        """What makes the view, without the page in it that is shown."""
        return self._build_query()

    @property
    def is_narrowed(self) -> bool:
        return bool(self.given)

    def build_url(self, cursor: str | None = None) -> str:
        query = self._build_query(cursor=cursor)
        return f"{self.console_list.page}?{query}" if query else self.console_list.page

    def build_sort_url(self, column: str) -> str:
        """By that column; the other way round, if it is sorted by that already. Amounts begin with the largest."""
        own = self.console_list.columns[column]
        is_descending = not self.is_descending if own.sort == self.sort else own.is_number and own.sort not in ("due", "oldest")
        query = self._build_query(sort=f"-{own.sort}" if is_descending else own.sort)
        return f"{self.console_list.page}?{query}"

    def build_export_url(self, file_format: str) -> str:
        return f"/lists/{self.console_list.name}/{file_format}?{self.query}"

    def build_request(self, limit: int, cursor: str | None = None) -> PageRequest:
        return PageRequest(self.values, self.sort, self.is_descending, limit, cursor if cursor is not None else self.cursor)

    def _build_query(self, cursor: str | None = None, sort: str = "") -> str:
        wanted = sort or self.sort_text
        parts = list(self.given.items())
        if wanted != self.console_list.default_sort:
            parts.append((SORT, wanted))
        if list(self.columns) != list_default_columns(self.console_list):
            parts += [(COLUMN, name) for name in self.columns if not self.console_list.columns[name].is_fixed]
        if cursor:
            parts.append((CURSOR, cursor))
        return urlencode(parts)


def list_default_columns(console_list: ConsoleList) -> list[str]:
    return [name for name, column in console_list.columns.items() if column.is_shown or column.is_fixed]


def open_list(context: ApiContext, console_list: ConsoleList, parameters: QueryParams, words: Phrases) -> ListState:
    """Read what an address says, with what there is to choose now. Raises Problem 422."""
    return read_list_state(console_list, parameters, console_list.list_choices(context, words))


def read_list_state(console_list: ConsoleList, parameters: QueryParams, choices: Mapping[str, Sequence[Choice]]) -> ListState:
    """Raises Problem 422 for a value that no filter, order or column has: who narrows by it would otherwise be shown all."""
    given = {}
    for name, field in console_list.filters.items():
        value = parameters.get(name, "").strip()
        if not value or (value == ANY and not field.default):
            continue
        if field.kind == "choice" and value not in {ANY, *(choice for choice, _ in choices.get(name, ()))}:
            raise invalid_request_problem(name, "choose one of those that the list offers")
        if field.kind == "day" and not _is_day(value):
            raise invalid_request_problem(name, "write a day as in 2013-03-01")
        if len(value) > MAX_TEXT:
            raise invalid_request_problem(name, f"write at most {MAX_TEXT} characters")
        given[name] = value
    defaults = {name: field.default for name, field in console_list.filters.items() if field.default}
    values = {name: value for name, value in (defaults | given).items() if value != ANY}
    sort = parameters.get(SORT) or console_list.default_sort
    if sort.removeprefix("-") not in {column.sort for column in console_list.columns.values() if column.sort}:
        raise invalid_request_problem(SORT, "choose one of the columns that can be sorted")
    return ListState(
        console_list,
        values,
        given,
        sort.removeprefix("-"),
        sort.startswith("-"),
        _choose_columns(console_list, parameters.getlist(COLUMN)),
        parameters.get(CURSOR) or None,
    )


def _choose_columns(console_list: ConsoleList, chosen: Sequence[str]) -> list[str]:
    if unknown := set(chosen) - set(console_list.columns):
        raise invalid_request_problem(COLUMN, f"there is no column {min(unknown)!r}")
    fixed = {name for name, column in console_list.columns.items() if column.is_fixed}
    if not set(chosen) - fixed:
        return list_default_columns(console_list)
    return [name for name in console_list.columns if name in chosen or name in fixed]


def _is_day(value: str) -> bool:
    """As forms send it."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
