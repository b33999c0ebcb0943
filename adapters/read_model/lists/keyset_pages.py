"""Pages of a sorted list, each found by the last row of the one before: a late page costs no more than the first."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, or_, select, union_all
from sqlmodel import Session

from adapters.read_model.cursors import CursorPosition, UnknownCursorError, decode_cursor, paginate_rows


class SortColumn(NamedTuple):
    """A column of a list's order, never null. `kind`: as what a cursor keeps its values."""

    column: Any
    kind: type


class ListOrder(NamedTuple):
    """`name`: of the order, which a cursor of it carries. The last column tells all rows apart."""

    name: str
    columns: tuple[SortColumn, ...]
    is_descending: bool = False


class SortedSource(NamedTuple):
    """One table's share of a list. `statement` selects what tells its rows apart, and nothing else; `order` is the list's, in this table's
    columns."""

    statement: Select[Any]
    order: ListOrder


def load_page(session: Session, statement: Select[Any], order: ListOrder, limit: int, cursor: str | None) -> tuple[list[Any], str | None]:
    """Return the ids of a page's rows in their order, and the cursor after them. `statement` selects ids alone.

    Raises UnknownCursorError for a cursor of another order.
    """
    return load_merged_page(session, [SortedSource(statement, order)], limit, cursor)


def load_merged_page(session: Session, sources: Sequence[SortedSource], limit: int, cursor: str | None) -> tuple[list[Any], str | None]:
    """Return a page of the rows of one or more sources, as if they were one table's. Of each no more is read than a page.

    Raises UnknownCursorError for a cursor of another order.
    """
    order = sources[0].order
    place = decode_cursor(cursor, str, *(each.kind for each in order.columns))
    if place and place[0] != _name_cursor(order):
        raise UnknownCursorError()
    parts = [_select_part(source, place[1:] if place else (), limit + 1) for source in sources]
    rows = session.execute(parts[0] if len(parts) == 1 else _merge(parts, order, limit + 1)).all()
    shown, following = paginate_rows(rows, limit, lambda row: _write_place(order, row[1:]))
    return [row[0] for row in shown], following


def _select_part(source: SortedSource, place: Sequence[Any], limit: int) -> Select[Any]:
    statement, order = source.statement, source.order
    columns = [each.column for each in order.columns]
    if place:
        statement = statement.where(_is_after(columns, place, order.is_descending))
    keys = [column.label(f"key_{number}") for number, column in enumerate(columns)]
    return statement.add_columns(*keys).order_by(*_sort(keys, order)).limit(limit)


def _merge(parts: Sequence[Select[Any]], order: ListOrder, limit: int) -> Select[Any]:
    merged = union_all(*(select(part.subquery()) for part in parts)).subquery()
    keys = [merged.c[f"key_{number}"] for number in range(len(order.columns))]
    return select(merged).order_by(*_sort(keys, order)).limit(limit)


def _sort(keys: Sequence[Any], order: ListOrder) -> list[Any]:
    return [key.desc() if order.is_descending else key.asc() for key in keys]


def _name_cursor(order: ListOrder) -> str:
    return f"-{order.name}" if order.is_descending else order.name


def _write_place(order: ListOrder, values: Sequence[Any]) -> CursorPosition:
    """Sums of whole numbers are decimals to PostgreSQL."""
    parts = (int(value) if column.kind is int else str(value) for column, value in zip(order.columns, values, strict=True))
    return (_name_cursor(order), *parts)


def _is_after(columns: Sequence[Any], place: Sequence[Any], is_descending: bool) -> Any:
    """The first column is bounded by itself, too: by that an index finds where to begin."""
    column, value = columns[0], place[0]
    beyond = column < value if is_descending else column > value
    if len(columns) == 1:
        return beyond
    within = column <= value if is_descending else column >= value
    return and_(within, or_(beyond, _is_after(columns[1:], place[1:], is_descending)))
