"""Rows that a page asks for again and again, such as its reader's: read once for as long as the session lasts that reads them."""

from typing import Any, TypeVar

from sqlmodel import Session, SQLModel

Row = TypeVar("Row", bound=SQLModel)


def find_kept_row(session: Session, table: type[Row], key: Any) -> Row | None:
    """As `session.get`, and the session holds the row from then on: a snapshot, which sees one state, answers the next time without a
    statement. For reading only."""
    row = session.get(table, key)
    session.info[table, key] = row
    return row
