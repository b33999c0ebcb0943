"""What a list of the console is: its columns, its filters, and what reads its rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from adapters.read_model.accounts import AGE_LIMITS
from adapters.read_model.lists.account_list import NOBODY
from adapters.read_model.lists.list_totals import ListTotals
from api.context import ApiContext
from api.presenters.phrases import Phrases
from domain.money import Money

Values = Mapping[str, str]
"""What a list is narrowed by: the filters that are set, each with its value."""

Choice = tuple[str, str]
"""A value, and how it is said."""

Cell = str | int | Decimal | date | None
"""A cell of an exported file: text, a number, an amount in major units, a day, or nothing."""

AGES = ("1", "31", "61", "91")
"""For at least how many days something is past due, as filters offer it."""


class Column(NamedTuple):
    """`label` is a phrase of the group `list_columns`. `sort`: by what the list is sorted at its head; empty: by nothing. `is_shown`:
    unless other columns are chosen. `is_fixed`: no choice leaves it out."""

    label: str
    sort: str = ""
    is_number: bool = False
    is_shown: bool = True
    is_fixed: bool = False


class FilterField(NamedTuple):
    """`label` is a phrase of the group `list_filters`. A `choice` is one of those that the list offers, a `name` one of those or
    another that nothing has, a `day` any day; `id` is set by links alone. `default`: where the address says nothing."""

    label: str
    kind: Literal["search", "choice", "name", "day", "id"] = "choice"
    default: str = ""


class PageRequest(NamedTuple):
    """Which rows of a list: those that match `values`, in this order, from the cursor on."""

    values: Values
    sort: str
    is_descending: bool
    limit: int
    cursor: str | None


class ListNotice(NamedTuple):
    """`sums` names what the sums of a list are of, `due` what part of them is past due; phrases of the group `list_columns`."""

    sums: str = ""
    due: str = ""


class ConsoleList(NamedTuple):
    """`name` is also the name of its template, and of its title in the group `list_titles`. `list_choices`: of the filters of that kind, in
    the reader's words. `export_rows`: the lines of a file for one row, each cell by its column's name. `acts`: the forms for what is done
    with all that match, each with its page. `helpers`: what its template asks of a row, each by its name there.
    `find_sort_currency`: in which currency alone amounts are sorted, as the list's head says; empty where those of all are."""

    name: str
    page: str
    columns: Mapping[str, Column]
    filters: Mapping[str, FilterField]
    default_sort: str
    notice: ListNotice
    export_columns: Mapping[str, str]
    load_page: Callable[[ApiContext, PageRequest], tuple[Sequence[Any], str | None]]
    load_totals: Callable[[ApiContext, Values], ListTotals]
    list_choices: Callable[[ApiContext, Phrases], Mapping[str, Sequence[Choice]]]
    export_rows: Callable[[ApiContext, Any, Phrases], Iterable[Mapping[str, Cell]]]
    acts: Mapping[str, str] = {}
    helpers: Mapping[str, Callable[..., str]] = {}
    find_sort_currency: Callable[[ApiContext, Values, str], str] = lambda context, values, sort: ""


def build_amount(minor: int, currency: str) -> Decimal:
    """In major units; nothing is owed in no currency."""
    return Money(minor=minor, currency=currency).major if currency else Decimal(0)


def label_ages(words: Phrases) -> list[Choice]:
    return [(age, words.list_filters[f"over_{int(age) - 1}"]) for age in AGES]


def label_age_limits(words: Phrases) -> list[Choice]:
    """The last day of each age; of what is not past due, 0."""
    return [(str(limit), words.list_filters[f"until_{limit}"]) for limit in AGE_LIMITS]


def label_yes_no(words: Phrases) -> list[Choice]:
    return [("yes", words.list_filters["yes"]), ("no", words.list_filters["no"])]


def label_people(names: Iterable[str], words: Phrases) -> list[Choice]:
    """Each by name, and nobody."""
    return [*((name, name) for name in names), (NOBODY, words.list_filters["nobody"])]


def read_yes_no(values: Values, name: str) -> bool | None:
    return {"yes": True, "no": False}.get(values.get(name, ""))


def read_number(values: Values, name: str) -> int | None:
    """A choice that is a number of days."""
    return int(values[name]) if name in values else None


def read_day(values: Values, name: str) -> date | None:
    return date.fromisoformat(values[name]) if name in values else None
