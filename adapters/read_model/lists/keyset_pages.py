"""Pages of a sorted list, each found by the last row of the one before: a late page costs no more than the first."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, or_
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


def load_page(session: Session, statement: Select[Any], order: ListOrder, limit: int, cursor: str | None) -> tuple[list[str], str | None]:
    """Return the ids of a page's rows in their order, and the cursor after them. `statement` selects ids alone.

    Raises UnknownCursorError for a cursor of another order.
    """
    columns = [each.column for each in order.columns]
    if place := decode_cursor(cursor, str, *(each.kind for each in order.columns)):
        if place[0] != _name_cursor(order):
            raise UnknownCursorError()
        statement = statement.where(_is_after(columns, place[1:], order.is_descending))
    keys = [column.label(f"key_{place}") for place, column in enumerate(columns)]
    sorted_keys = [key.desc() if order.is_descending else key.asc() for key in keys]
    rows = session.execute(statement.add_columns(*keys).order_by(*sorted_keys).limit(limit + 1)).all()
    shown, following = paginate_rows(rows, limit, lambda row: _write_place(order, row[1:]))
    return [row[0] for row in shown], following


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
